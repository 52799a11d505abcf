"""Copies of the manifests whose pods may too much, get too little, or are ended too early."""

from manifests.breaks.base import Breaks, data
from manifests.hardening import (
    check_capacity,
    check_probes,
    check_quantities,
    check_resources,
    check_scratch,
    check_security,
    check_times,
)

BREAKS: Breaks = {
    "root": (
        check_security,
        lambda m: m.pod("gateway").spec["securityContext"].update(runAsNonRoot=False),
    ),
    "a capability": (
        check_security,
        lambda m: (
            m.pod("gateway")
            .container["securityContext"]
            .update(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]})
        ),
    ),
    "a writable root": (
        check_security,
        lambda m: m.pod("extractor").container["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    "variables of Services": (
        check_security,
        lambda m: m.pod("gateway").spec.pop("enableServiceLinks"),
    ),
    "a lax namespace": (
        check_security,
        lambda m: m.objects[0]["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
    ),
    "more requested than allowed": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["requests"].update(memory="2Gi"),
    ),
    "no limit": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["limits"].pop("memory"),
    ),
    "no limit on scratch space": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["limits"].pop("ephemeral-storage"),
    ),
    "a scratch volume without an end": (
        check_scratch,
        lambda m: m.pod("persister").spec["volumes"][0].update(emptyDir={}),
    ),
    "evicted for its scratch volume": (
        check_scratch,
        lambda m: (
            m.pod("persister").container["resources"]["limits"].update({"ephemeral-storage": "1Gi"})
        ),
    ),
    "a quantity that comes back otherwise": (
        check_quantities,
        lambda m: m.pod("gateway").container["resources"]["limits"].update(memory="1024Mi"),
    ),
    "a number where the API writes text": (
        check_quantities,
        lambda m: m.pod("extractor").container["resources"]["limits"].update(cpu="1000m"),
    ),
    "articles that do not fit": (
        check_capacity,
        lambda m: data(m, "gateway").update(NEWSTALLY_GATEWAY_MEMORY_BYTES="1073741824"),
    ),
    "an article that does not fit": (
        check_capacity,
        lambda m: [
            data(m, "gateway").update(NEWSTALLY_GATEWAY_MAX_CONTENT_BYTES="1000000"),
            data(m, "extractor").update(NEWSTALLY_EXTRACTOR_MAX_CONTENT_BYTES="1000000"),
        ],
    ),
    "two longest articles": (
        check_capacity,
        lambda m: data(m, "gateway").pop("NEWSTALLY_GATEWAY_MAX_CONTENT_BYTES"),
    ),
    "a journal beside the disk": (
        check_capacity,
        lambda m: data(m, "persister").update(NEWSTALLY_PERSISTER_DATA_DIR="/tmp/journal"),
    ),
    "a disk that is too small": (
        check_capacity,
        lambda m: m.get("StatefulSet", "persister")["spec"]["volumeClaimTemplates"][0]["spec"][
            "resources"
        ]["requests"].update(storage="4Gi"),
    ),
    "a disk for many": (
        check_capacity,
        lambda m: m.get("StatefulSet", "persister")["spec"]["volumeClaimTemplates"][0][
            "spec"
        ].update(accessModes=["ReadWriteMany"]),
    ),
    "killed while draining": (
        check_times,
        lambda m: m.pod("gateway").spec.update(terminationGracePeriodSeconds=15),
    ),
    "killed before a process that hangs says where": (
        check_times,
        lambda m: m.pod("gateway").spec.update(terminationGracePeriodSeconds=25),
    ),
    "killed while a longer drain is set": (
        check_times,
        lambda m: data(m, "persister").update(NEWSTALLY_PERSISTER_DRAIN="120"),
    ),
    "killed while starting": (
        check_times,
        lambda m: m.pod("extractor").container["startupProbe"].update(failureThreshold=3),
    ),
    "killed before the hard limit": (
        check_times,
        lambda m: m.pod("extractor").container["livenessProbe"].update(failureThreshold=3),
    ),
    "life that asks for readiness": (
        check_probes,
        lambda m: m.pod("gateway").container["livenessProbe"]["httpGet"].update(path="/readyz"),
    ),
    "no startup probe": (
        check_probes,
        lambda m: m.pod("persister").container.pop("startupProbe"),
    ),
}
