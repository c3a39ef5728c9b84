"""``python -m urbanlab_services.publisher``."""

from urbanlab.contract import environment
from urbanlab_services.publisher.app import main
from urbanlab_services.service import run_service

run_service(
    main,
    "publisher",
    *(environment.PORT, environment.HUB_API_URL, environment.HUB_URL, environment.WAREHOUSE_URL),
    *(environment.RECORDS, environment.SECRETS, environment.SERVICE_STATE, environment.PUBLIC),
    *(environment.PORTAL_URL, environment.PUBLISHER_URL),
)
