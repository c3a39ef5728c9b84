"""Starts the engine: ``python -m urbanlab_services.warehouse.engine``."""

from urbanlab.contract.environment import ENGINE_SOCKET, RECORDS, SERVICE_STATE
from urbanlab_services.service import run_service
from urbanlab_services.warehouse.engine.app import main

run_service(main, "engine", SERVICE_STATE, ENGINE_SOCKET, RECORDS)
