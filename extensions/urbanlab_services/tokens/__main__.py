"""Starts the tokens service: ``python -m urbanlab_services.tokens``."""

from urbanlab.contract.environment import (
    HUB_API_URL,
    KEYCLOAK_REALM_URL,
    PORT,
    RECORDS,
    SECRETS,
    SERVICE_STATE,
)
from urbanlab_services.service import run_service
from urbanlab_services.tokens.app import main

run_service(main, "tokens", PORT, HUB_API_URL, KEYCLOAK_REALM_URL, RECORDS, SECRETS, SERVICE_STATE)
