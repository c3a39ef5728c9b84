"""What each of those who can ask may do at each address: whoever is not named at one gets nothing there.

A row is the pattern of a route as the running product has it. Below it stand what may be done, as method and
whose thing it is, and by whom. `self` is the asker's own, `colleague` somebody's of the same tenant, `foreign`
somebody's of another tenant, `runner` the tenant's publications'; a route that names nobody has the target "".
"""

from __future__ import annotations

Row = dict[tuple[str, str], set[str]]

ROLES = ("analyst", "steward", "publisher", "gatekeeper", "admin")
PEOPLE = {*ROLES, "foreign admin"}
# Tokens of hub services; the names of people's roles are other ones.
SERVICES = {"tokens service", "reports service", "publisher service", "culler service", "operator"}
NOBODY = {"no token", "garbage", "expired", "revoked"}
SERVER = {"server"}  # the token that a kernel of the analyst holds
ASKERS = NOBODY | SERVER | PEOPLE | SERVICES
LISTERS = {"culler service", "operator"}  # see servers of all tenants: that is what they are for
TARGETS = ("self", "colleague", "foreign", "runner")


def _all(method: str, askers: set[str]) -> Row:
    return {(method, target): askers for target in TARGETS}


_SERVER_OF = {
    **_all("GET", LISTERS),
    ("GET", "self"): LISTERS | PEOPLE,
    ("GET", "runner"): LISTERS | {"publisher service"},
    **_all("DELETE", LISTERS),
    **_all("POST", {"operator"}),
    **_all("PUT", {"operator"}),
    **_all("PATCH", {"operator"}),
    **{(method, "self"): PEOPLE | {"operator"} for method in ("POST", "PUT", "PATCH")},
    ("DELETE", "self"): PEOPLE | LISTERS,
    **{(method, "runner"): {"publisher service", "operator"} for method in ("POST", "PUT", "PATCH")},
    ("DELETE", "runner"): {"publisher service"} | LISTERS,
}
_PROGRESS_OF = {
    **_all("GET", LISTERS),
    ("GET", "self"): LISTERS | PEOPLE,
    ("GET", "runner"): LISTERS | {"publisher service"},
}
_CLOSED: Row = {}

HUB_API: dict[str, Row] = {
    r"/api/?": {("GET", ""): ASKERS},  # the hub's version
    r"/api/user": {("GET", ""): PEOPLE | SERVER | SERVICES},  # who asks
    r"/api/info": {("GET", ""): {"operator"}},
    r"/api/users": {("GET", ""): LISTERS, ("POST", ""): {"operator"}},
    r"/api/users/([^/]+)": {
        **_all("GET", {"operator"} | LISTERS),
        ("GET", "self"): PEOPLE | SERVER | LISTERS,
        ("GET", "runner"): {"publisher service"} | LISTERS,
        **{key: {"operator"} for method in ("POST", "PATCH", "DELETE") for key in _all(method, set())},
    },
    r"/api/users/([^/]+)/server": _SERVER_OF,
    r"/api/users/([^/]+)/servers/([^/]*)": _SERVER_OF,
    r"/api/users/([^/]+)/server/progress": _PROGRESS_OF,
    r"/api/users/([^/]+)/servers/([^/]*)/progress": _PROGRESS_OF,
    r"/api/users/([^/]+)/tokens": {("GET", "self"): PEOPLE},  # their names, and never a new one
    r"/api/users/([^/]+)/tokens/([^/]*)": _CLOSED,
    r"/api/users/([^/]+)/activity": {
        **_all("POST", {"operator"}),
        ("POST", "self"): PEOPLE | SERVER | {"operator"},
    },
    r"/api/users/([^/]+)/admin-access": _CLOSED,
    r"/api/oauth2/authorize": {
        ("GET", ""): PEOPLE,
        ("POST", ""): PEOPLE,
    },  # for the clients that the hub knows
    r"/api/oauth2/token": {("POST", ""): ASKERS},  # whoever shows a client's secret and a code
    r"/api/authorizations/cookie/([^/]+)(?:/([^/]+))?": _CLOSED,
    r"/api/authorizations/token/([^/]+)": _CLOSED,
    r"/api/authorizations/token": _CLOSED,
    r"/api/shutdown": _CLOSED,
    r"/api/proxy": _CLOSED,
    r"/api/groups": _CLOSED,
    r"/api/groups/([^/]+)": _CLOSED,
    r"/api/groups/([^/]+)/users": _CLOSED,
    r"/api/groups/([^/]+)/properties": _CLOSED,
    r"/api/groups/([^/]+)/shared": _CLOSED,
    r"/api/groups/([^/]+)/shared/([^/]+)/([^/]*)": _CLOSED,
    r"/api/services": _CLOSED,
    r"/api/services/([^/]+)": _CLOSED,
    r"/api/shares/([^/]+)": _CLOSED,
    r"/api/shares/([^/]+)/([^/]*)": _CLOSED,
    r"/api/users/([^/]+)/shared": _CLOSED,
    r"/api/users/([^/]+)/shared/([^/]+)/([^/]*)": _CLOSED,
    r"/api/share-codes/([^/]+)": _CLOSED,
    r"/api/share-codes/([^/]+)/([^/]*)": _CLOSED,
}
_OPEN: Row = {("GET", ""): ASKERS}
_STAFF: Row = {("GET", ""): PEOPLE}
HUB_PAGES: dict[str, Row] = {
    r"": _OPEN,  # adds the slash
    r"/": _OPEN,  # goes on to the login or to the home page
    r"/login": {("GET", ""): ASKERS, ("POST", ""): ASKERS},  # whose form is Keycloak's
    r"/logout": _OPEN,
    r"/logged-out": _OPEN,
    r"/oauth_login": _OPEN,
    r"/oauth_callback": _OPEN,  # whoever brings Keycloak's answer
    r"/backchannel_logout": {("POST", ""): ASKERS},  # whoever brings a token of Keycloak
    r"/health$": _OPEN,
    r"/api/health$": _OPEN,
    r"/error/(\d+)": _OPEN,  # shows an error
    r"/security/csp-report": {("POST", ""): ASKERS},  # writes a line into the log
    r"/metrics$": _CLOSED,
    r"/api/metrics$": _CLOSED,
    r"/home": _STAFF,
    r"/spawn": {("GET", ""): PEOPLE, ("POST", ""): PEOPLE},
    r"/spawn/([^/]+)": {("GET", "self"): PEOPLE, ("POST", "self"): PEOPLE},
    r"/spawn/([^/]+)/([^/]+)": {
        ("GET", "self"): PEOPLE,
        ("POST", "self"): PEOPLE,
    },  # says that there is one server
    r"/spawn-pending/([^/]+)": {("GET", "self"): PEOPLE},
    r"/spawn-pending/([^/]+)/([^/]+)": _CLOSED,
    r"/user/(?P<user_name>[^/]+)(?P<user_path>/.*)?": {
        ("GET", "self"): PEOPLE | SERVER,
        # That a server does not run is said of every name, whether it is somebody's or not.
        **{key: PEOPLE | SERVER for method in ("POST", "PATCH", "DELETE") for key in _all(method, set())},
    },
    r"/user-redirect/(.*)?": _STAFF,
    r"/token": _STAFF,  # shows that none can be made
    r"/admin": _CLOSED,
    r"/accept-share": {("GET", ""): PEOPLE, ("POST", ""): PEOPLE},  # of a code, and nobody can make one
    r"/tenant": {("GET", ""): {"admin", "foreign admin"}},
    r"/tenant/servers/([^/]+)/stop": {
        (method, target): {"admin", "foreign admin"}
        for method in ("GET", "POST")
        for target in ("self", "colleague", "runner")
    },
}

# --- the services: by whom, with what they are shown ---

OWN, FOREIGN = "own credential", "foreign credential"
CREDENTIALS = {
    "nothing",
    "garbage",
    "server token",
    "of another service",
    "expired",
    "signed by somebody",
    OWN,
}
SHARED: dict[str, set[str]] = {
    "/livez": {"GET"},
    "/readyz": {"GET"},
    "/metrics": {"GET"},
}  # tell nobody's name
# service -> route -> method -> by what it is opened
SERVICE_ROUTES: dict[str, dict[str, dict[str, set[str]]]] = {
    "tokens": {path: {"POST": {"server token"}} for path in ("/warehouse", "/kafka", "/publisher")},
    "warehouse": {
        "/": {"GET": {OWN}, "POST": {OWN}},
        "/ping": {"GET": CREDENTIALS},
        "/catalog": {"GET": {OWN}},
        "/functions": {"GET": {OWN}},
        "/queries/([^/]+)": {"GET": {OWN}},
        "/catalog/open": {},  # the publisher's
        "/written": {},
        "/releases": {},
        "/releases/([^/]+)/([^/]+)(?:/([^/]+))?": {},
        "/uses/([^/]+)": {},
        "/operator/apply": {},
        "/operator/backups": {},
        "/operator/backups/([^/]+)": {},
        "/operator/load": {},
        "/operator/tenants/([^/]+)": {},
        "/operator/revocations": {},
    },
    "publisher": {
        "/api/submissions": {"GET": {OWN}, "POST": {OWN}},
        "/api/submissions/([0-9a-f]{32})": {"GET": {OWN}},
        "/api/submissions/([0-9a-f]{32})/pictures": {"POST": {OWN}},
        "/api/data-releases": {"GET": {OWN}, "POST": {OWN}},
        "/api/data-offers": {"GET": {OWN}},
        "/api/page-uses": {"GET": {OWN}},
        "/api/publications": {"GET": {OWN}},
        "/api/pending/([a-z][a-z0-9]{1,20})": {},  # the hub's
        "/operator/tenants/([a-z][a-z0-9]{1,20})": {},  # the operator's
        "/portal/counts": {},  # the portal's
        "/portal/reports": {},
        "/portal/variants": {},
        "/api/live/seats": {},
        "/api/live/seats/([A-Za-z0-9_-]{32,64})": {},
    },
    "ingest": {},
    "simulator": {},
    "culler": {},
}

# The publisher's pages: route -> (method, whose thing) -> by whom, logged in with a browser.
GATEKEEPERS, REVIEWERS = {"gatekeeper"}, {"gatekeeper", "publisher"}
PUBLISHER_PAGES: dict[str, Row] = {
    "/": {("GET", ""): PEOPLE},
    "/publish": {("GET", ""): {"publisher"}, ("POST", ""): {"publisher"}},
    "/submissions/([0-9a-f]{32})": {("GET", "own"): PEOPLE},
    "/submissions/([0-9a-f]{32})/difference": {("GET", "own"): PEOPLE},
    "/submissions/([0-9a-f]{32})/difference/pictures/([0-9a-f]{64})": {},  # there is one version
    "/submissions/([0-9a-f]{32})/([a-z_]+)": {("POST", "own"): GATEKEEPERS},
    "/publications/([a-z0-9-]+)": {("GET", "own"): PEOPLE},
    "/publications/([a-z0-9-]+)/(hand_over|take_over)": {
        ("POST", "own"): {"publisher", "admin", "foreign admin"}
    },
    "/readers": {("GET", ""): REVIEWERS},
    "/readers/([a-z0-9-]{1,60})": {("GET", "own"): REVIEWERS},
    "/readers/reports/([0-9a-f]{32})/settle": {},  # nobody has written yet
    "/deputies": {("GET", ""): PEOPLE, ("POST", ""): GATEKEEPERS},
    "/deputies/act_for": {},  # nobody has been named yet
    "/deputies/([0-9a-f]{32})/end": {},
    "/data-releases": {("GET", ""): PEOPLE, ("POST", ""): PEOPLE},
    "/data-releases/([0-9a-f]{32})": {("GET", "own"): PEOPLE},
    "/data-releases/([0-9a-f]{32})/([a-z_]+)": {("POST", "own"): GATEKEEPERS},
    # What is the own tenant's nobody offers it.
    "/data-offers/([0-9a-f]{32})": {},
    "/data-offers/([0-9a-f]{32})/([a-z_]+)": {},
}
# Those are open: logging in and out, the style, and the word that there is nothing.
PUBLISHER_OPEN = {
    "/login", "/oauth_callback", "/logout", "/static/(style.css|icon.svg)",
    "/(?!api/|portal/|livez$|readyz$|metrics$).*",
}  # fmt: skip
