"""Starts the culler: ``python -m urbanlab_services.culler``."""

from urbanlab.contract.environment import HUB_API_URL, PORT, RECORDS, SECRETS
from urbanlab_services.culler.app import main
from urbanlab_services.service import run_service

run_service(main, "culler", PORT, HUB_API_URL, RECORDS, SECRETS)
