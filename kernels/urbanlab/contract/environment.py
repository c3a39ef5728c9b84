"""The environment variables by which the packages meet.

A variable is named here, set by the one who starts a process, and read in one module of that process.
JupyterHub's own (`JUPYTERHUB_*`) are not repeated.
"""

# --- in user servers, runner servers and their kernels; set by urbanlab_hub.user_environment ---
TENANT = "URBANLAB_TENANT"
TENANT_TITLE = "URBANLAB_TENANT_TITLE"
PERSON = "URBANLAB_PERSON"
LANGUAGE = "URBANLAB_LANGUAGE"
TOKENS_URL = "URBANLAB_TOKENS_URL"
WAREHOUSE_URL = "URBANLAB_WAREHOUSE_URL"
KAFKA_BOOTSTRAP = "URBANLAB_KAFKA_BOOTSTRAP"
ASSETS_URL = "URBANLAB_ASSETS_URL"  # path under which the browser finds the files of maps
ASSETS_PATH = "URBANLAB_ASSETS_PATH"  # folder from which the user's server serves them
MAP_CENTRE = "URBANLAB_MAP_CENTRE"  # "latitude,longitude" of the tenant, WGS 84
TIME_ZONE = "URBANLAB_TIME_ZONE"  # of the tenant, for local times without a zone: Europe/Berlin
CURATED_PATH = "URBANLAB_CURATED_PATH"  # folder of the curated notebooks, read-only
PUBLISHER_URL = "URBANLAB_PUBLISHER_URL"  # of the publisher, for kernels and browsers alike

KERNEL_VARIABLES = (
    *(TENANT, TENANT_TITLE, PERSON, LANGUAGE, TOKENS_URL, WAREHOUSE_URL, KAFKA_BOOTSTRAP),
    *(ASSETS_URL, ASSETS_PATH, MAP_CENTRE, TIME_ZONE, CURATED_PATH, PUBLISHER_URL),
)

# --- in services; set by the supervisor's configuration or the chart, read by urbanlab_services.service ---
BIND = "URBANLAB_BIND"
PORT = "URBANLAB_PORT"  # of this service
HUB_API_URL = "URBANLAB_HUB_API_URL"
KEYCLOAK_REALM_URL = "URBANLAB_KEYCLOAK_REALM_URL"
RECORDS = "URBANLAB_RECORDS"  # folder of the resolved tenants, one JSON file each (contract.records)
SECRETS = "URBANLAB_SECRETS"  # folder of this service's secrets, one file each (contract.secrets)
SERVICE_STATE = "URBANLAB_SERVICE_STATE"  # folder that belongs to this service alone
ENGINE_SOCKET = "URBANLAB_ENGINE_SOCKET"
WAREHOUSE_CLUSTER = "URBANLAB_WAREHOUSE_CLUSTER"  # address of a ClickHouse server instead of the engine
HUB_URL = "URBANLAB_HUB_URL"  # of the hub, as browsers see it
PUBLIC = "URBANLAB_PUBLIC"  # folder of what is public (contract.publications)
SNAPSHOT_PATH = "URBANLAB_SNAPSHOT_PATH"  # folder of the built bundle that shows widgets in pages
PORTAL_URL = "URBANLAB_PORTAL_URL"  # of the portal, as browsers see it
AUDIT_SOCKET = "URBANLAB_AUDIT_SOCKET"  # of the audit log's writer
AUDIT_SENDERS = "URBANLAB_AUDIT_SENDERS"  # for that writer alone: "hub=0 publisher=30005", by Unix account

SMTP_URL = (
    "URBANLAB_SMTP_URL"  # of the mail server, for services that send mail: smtp+starttls://USER@HOST:587
)
SMTP_FROM = "URBANLAB_SMTP_FROM"  # the sender's address
SMTP_PASSWORD_FILE = "URBANLAB_SMTP_PASSWORD_FILE"  # noqa: S105 - the name of a file
LIVE_VIEWS = "URBANLAB_LIVE_VIEWS"  # interactive views at once of all tenants together, for the publisher

SERVICE_VARIABLES = (
    *(BIND, PORT, HUB_API_URL, KEYCLOAK_REALM_URL, KAFKA_BOOTSTRAP, WAREHOUSE_URL),
    *(RECORDS, SECRETS, SERVICE_STATE, ENGINE_SOCKET, WAREHOUSE_CLUSTER, HUB_URL),
    *(PUBLIC, SNAPSHOT_PATH, PORTAL_URL, PUBLISHER_URL, ASSETS_PATH, AUDIT_SOCKET, AUDIT_SENDERS),
    *(SMTP_URL, SMTP_FROM, SMTP_PASSWORD_FILE, LIVE_VIEWS),
)

# The settings of an installation (URBANLAB_STATE, URBANLAB_HUB_PORT, ...) are the fields of
# urbanlab_hub.settings.Settings; each field is overridable by URBANLAB_ and its name in capitals.
