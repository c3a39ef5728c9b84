"""Starts ingest: ``python -m urbanlab_services.ingest``."""

from urbanlab.contract.environment import (
    KAFKA_BOOTSTRAP,
    PORT,
    RECORDS,
    SECRETS,
    SERVICE_STATE,
    WAREHOUSE_URL,
)
from urbanlab_services.ingest.app import main
from urbanlab_services.service import run_service

run_service(main, "ingest", PORT, KAFKA_BOOTSTRAP, WAREHOUSE_URL, RECORDS, SECRETS, SERVICE_STATE)
