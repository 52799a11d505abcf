"""Copies of the manifests with wrong settings, names of images, or ways through the network."""

from manifests.breaks.base import Breaks, data
from manifests.naming import check_images
from manifests.network import check_flows
from manifests.objects import EXAMPLES, Manifests, load
from manifests.settings import check_addresses, check_flags, check_variables


def _job(*arguments: str) -> Manifests:
    job = load(EXAMPLES / "upload-job.yaml")
    job.pods()[0].container["args"] = list(arguments)
    return job


BREAKS: Breaks = {
    "a variable that nothing reads": (
        check_variables,
        lambda m: data(m, "gateway").update(NEWSTALLY_GATEWAY_EXTRACTOR="extractor:50052"),
    ),
    "a variable that another service reads": (
        check_variables,
        lambda m: data(m, "extractor").update(NEWSTALLY_GATEWAY_PORT="50051"),
    ),
    "a value that is not taken": (
        check_variables,
        lambda m: data(m, "persister").update(NEWSTALLY_PERSISTER_SINK="postgres"),
    ),
    "a setting without default that is not set": (
        check_variables,
        lambda m: data(m, "persister").pop("NEWSTALLY_PERSISTER_DATA_DIR"),
    ),
    "a flag that nobody knows": (
        check_flags,
        lambda m: m.objects.extend(_job("upload", "/a.jsonl", "--id", "x").objects),
    ),
    "a command that nobody knows": (
        check_flags,
        lambda m: m.objects.extend(_job("send", "/a.jsonl").objects),
    ),
    "loopback only": (
        check_addresses,
        lambda m: data(m, "gateway").pop("NEWSTALLY_GATEWAY_HOST"),
    ),
    "another port than the pod's": (
        check_addresses,
        lambda m: data(m, "extractor").update(NEWSTALLY_EXTRACTOR_ADMIN_PORT="9100"),
    ),
    "extractors behind a virtual address": (
        check_addresses,
        lambda m: m.get("Service", "extractor")["spec"].pop("clusterIP"),
    ),
    "a persister by a wrong name": (
        check_addresses,
        lambda m: data(m, "gateway").update(NEWSTALLY_GATEWAY_PERSISTER="journal:50053"),
    ),
    "a persister that hides": (
        check_addresses,
        lambda m: m.get("Service", "persister")["spec"].pop("publishNotReadyAddresses"),
    ),
    "no default deny": (
        check_flows,
        lambda m: m.objects.remove(m.get("NetworkPolicy", "default-deny")),
    ),
    "everybody may call the gateway": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "gateway")["spec"]["ingress"][0].pop("from"),
    ),
    "clients may reach the admin port": (
        check_flows,
        lambda m: (
            m.get("NetworkPolicy", "gateway")["spec"]["ingress"][0].pop("ports"),
            m.get("NetworkPolicy", "client")["spec"]["egress"][0].pop("ports"),
        ),
    ),
    "a gateway that cannot reach the persister": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "gateway")["spec"]["egress"].pop(1),
    ),
    "an extractor that reaches the internet": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "extractor")["spec"].update(egress=[{}]),
    ),
    "a persister that reaches the machines": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "persister")["spec"]["egress"][1]["to"][0]["ipBlock"].pop(
            "except"
        ),
    ),
    "a persister without the metadata server": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "persister")["spec"]["egress"].pop(2),
    ),
    "an emulator that nobody may reach": (
        check_flows,
        lambda m: data(m, "persister").update(FIRESTORE_EMULATOR_HOST="gateway:50051"),
    ),
    "a Service that calls another port": (
        check_flows,
        lambda m: m.get("Service", "persister")["spec"]["ports"][0].update(targetPort="admin"),
    ),
    "another version": (
        check_images,
        lambda m: m.pod("gateway").container.update(image="newstally-gateway:latest"),
    ),
    "another registry": (
        check_images,
        lambda m: m.pod("gateway").container.update(
            image=f"example.com/{m.pod('gateway').container['image']}"
        ),
    ),
}
