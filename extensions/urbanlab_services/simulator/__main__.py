"""Starts the simulator: ``python -m urbanlab_services.simulator``."""

from urbanlab.contract.environment import KAFKA_BOOTSTRAP, PORT, RECORDS, SECRETS
from urbanlab_services.service import run_service
from urbanlab_services.simulator.app import main

run_service(main, "simulator", PORT, KAFKA_BOOTSTRAP, RECORDS, SECRETS)
