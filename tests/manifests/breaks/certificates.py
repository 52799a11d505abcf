"""Copies of the manifests in which certificates are missed, or would be waited for."""

from manifests.breaks.base import Breaks, data
from manifests.certificates import check_certificates
from manifests.objects import EXAMPLES, Manifests, load


def _secured(manifests: Manifests) -> Manifests:
    manifests.objects[:] = manifests.replaced_by(load(EXAMPLES / "secure.yaml")).objects
    return manifests


BREAKS: Breaks = {
    "a Secret that everything waits for": (
        check_certificates,
        lambda m: m.pod("gateway").spec["volumes"][0]["secret"].pop("optional"),
    ),
    "a certificate that is not mounted": (
        check_certificates,
        lambda m: _secured(m).pod("extractor").container["volumeMounts"].clear(),
    ),
    "another service's certificate": (
        check_certificates,
        lambda m: (
            _secured(m)
            .pod("extractor")
            .spec["volumes"][0]["secret"]
            .update(secretName="extractor-tls")
        ),
    ),
    "a file that is not in the Secret": (
        check_certificates,
        lambda m: data(_secured(m), "persister-secure").update(
            NEWSTALLY_PERSISTER_MTLS_CA="/etc/newstally/mtls/ca.pem"
        ),
    ),
    "a certificate that can be written": (
        check_certificates,
        lambda m: _secured(m).pod("gateway").container["volumeMounts"][1].pop("readOnly"),
    ),
    "TLS to a plain port": (
        check_certificates,
        lambda m: data(_secured(m), "gateway-secure").update(
            NEWSTALLY_GATEWAY_PERSISTER="persister:50053"
        ),
    ),
    "plain to a port with TLS": (
        check_certificates,
        lambda m: data(m, "gateway").update(NEWSTALLY_GATEWAY_EXTRACTORS="dns:///extractor:50062"),
    ),
}
