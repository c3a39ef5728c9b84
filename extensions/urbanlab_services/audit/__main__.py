"""Starts the service: ``python -m urbanlab_services.audit``."""

from urbanlab.contract.environment import AUDIT_SENDERS, AUDIT_SOCKET, RECORDS, SERVICE_STATE
from urbanlab_services.audit.app import main
from urbanlab_services.service import run_service

run_service(main, "audit", SERVICE_STATE, AUDIT_SOCKET, AUDIT_SENDERS, RECORDS)
