"""Starts the warehouse gateway: ``python -m urbanlab_services.warehouse``."""

from urbanlab.contract.environment import ENGINE_SOCKET, PORT, RECORDS, SECRETS, SERVICE_STATE
from urbanlab_services.service import run_service
from urbanlab_services.warehouse.app import main

run_service(main, "warehouse", PORT, RECORDS, SECRETS, SERVICE_STATE, ENGINE_SOCKET)
