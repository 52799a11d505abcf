"""Examples for what others bring into a cluster, of which there are no schemas here."""

from manifests.certificates import FILES
from manifests.objects import EXAMPLES, Manifests, Object, load
from newstally_gateway.core.keys.callers import METHODS
from newstally_protos.wire import EXTRACTOR_NAME, GATEWAY_NAME, PERSISTER_NAME

CERT_MANAGER = load(EXAMPLES / "cert-manager.yaml")
GATEWAY_API = load(EXAMPLES / "gateway-api.yaml")


def certificates() -> dict[str, Object]:
    """By the Secret that they are written to."""
    found = CERT_MANAGER.kind("Certificate")
    return {each["spec"]["secretName"]: each["spec"] for each in found}


def test_every_secret_with_a_certificate_is_made() -> None:
    """Those of cert-manager are those that the pods mount, and the authority's own."""
    wanted = {name for name, files in FILES.items() if "tls.crt" in files}
    assert certificates().keys() == {*wanted, "newstally-authority"}


def test_services_are_called_as_the_programs_ask() -> None:
    """The exact names, and at both ends of a connection; the door is no client."""
    names = {"gateway": GATEWAY_NAME, "extractor": EXTRACTOR_NAME, "persister": PERSISTER_NAME}
    for service, name in names.items():
        spec = certificates()[f"{service}-mtls"]
        assert spec["dnsNames"] == [name]
        assert {"server auth", "client auth"} <= {*spec["usages"]}
    assert "client auth" not in certificates()["gateway-tls"]["usages"]


def test_all_are_of_one_authority() -> None:
    """Its key stays, theirs are renewed, in time for those who are asleep."""
    issuers = {each["metadata"]["name"]: each["spec"] for each in CERT_MANAGER.kind("Issuer")}
    authority = certificates().pop("newstally-authority")
    assert issuers["newstally"] == {"ca": {"secretName": authority["secretName"]}}
    assert issuers[authority["issuerRef"]["name"]] == {"selfSigned": {}}
    assert authority["isCA"] is True
    assert authority["privateKey"]["rotationPolicy"] == "Never"
    for secret, spec in certificates().items():
        if secret == authority["secretName"]:
            continue
        assert spec["issuerRef"]["name"] == "newstally"
        assert spec["privateKey"]["rotationPolicy"] == "Always"
        assert int(spec["duration"].rstrip("h")) >= 2 * int(spec["renewBefore"].rstrip("h"))


def test_the_public_door_leads_to_the_gateways() -> None:
    """Every public service, by the port that speaks TLS, by a name that its certificate has."""
    services: Manifests = load()
    ports = services.get("Service", "gateway")["spec"]["ports"]
    (rule,) = GATEWAY_API.get("GRPCRoute", "public-door")["spec"]["rules"]
    public = {name for name in METHODS if name.startswith("newstally.")}
    assert {match["method"]["service"] for match in rule["matches"]} == public
    (backend,) = rule["backendRefs"]
    policy = GATEWAY_API.get("BackendTLSPolicy", "gateway")["spec"]
    (target,) = policy["targetRefs"]
    tls = {port["name"]: port["port"] for port in ports}[target["sectionName"]]
    assert (backend["name"], backend["port"]) == ("gateway", tls)
    assert target["name"] == "gateway"
    assert policy["validation"]["hostname"] in certificates()["gateway-tls"]["dnsNames"]
    door = GATEWAY_API.get("Gateway", "public-door")["spec"]["listeners"][0]
    assert [door["hostname"]] == GATEWAY_API.get("GRPCRoute", "public-door")["spec"]["hostnames"]
