"""The lab process: started below ``unshare`` by `conformance.firewall.start`; speaks JSON lines on stdout.

First steps as they are played, then one line with the file of the record for each variant.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from conformance.firewall.capture import CAPTURE_FILE
from conformance.firewall.job import Job
from conformance.firewall.lab import Lab, Refused, Unsupported
from conformance.firewall.record import LabRecord
from interface_spec.policy import parse_policy


def say(**message: object) -> None:
    """One JSON line to whoever started the lab."""
    sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _private_world(work: Path) -> None:
    """A private /run for the namespaces' names, a private /dev/shm (Squid's), and a resolver file of the lab's DNS."""
    for folder in ("/run", "/dev/shm"):  # noqa: S108 — the places themselves, replaced by our own
        subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True, timeout=10)
    resolver = Path("/etc/resolv.conf")
    if resolver.exists():
        subprocess.run(["mount", "--bind", str(work / "resolv.conf"), str(resolver)], check=True, timeout=10)


def main(words: list[str]) -> int:
    """0 when every variant has a record; the records' own verdicts are no business of this process."""
    job = Job.model_validate_json(Path(words[0]).read_text(encoding="utf-8"))
    work = Path(job.work)
    policy = parse_policy(job.policy, job.policy_name)
    dns = policy.host[policy.hosts_of("lgwan-dns")[0]]
    (work / "resolv.conf").write_text(
        f"nameserver {dns.address(policy.main_family)}\noptions timeout:1 attempts:1\n", encoding="utf-8"
    )
    _private_world(work)
    lab = Lab(job, lambda name, variant, seconds: say(step=name, variant=variant, seconds=seconds))
    try:
        say(step="build", variant="", seconds=0)
        if any("control" in variant.rounds for variant in job.variants):
            say(step="control", variant="", seconds=lab.control().seconds)  # shared: no variant is charged for it
        for variant in job.variants:
            try:
                record = lab.play(variant)
            except Refused as error:
                record = LabRecord(policy=job.policy_name, refused=str(error))
            except Unsupported as error:
                record = LabRecord(policy=job.policy_name, unavailable=str(error))
            path = work / f"record-{variant.name}.json"
            path.write_text(record.model_dump_json(exclude_defaults=True), encoding="utf-8")
            say(record=path.name, variant=variant.name, seconds=record.seconds)
        if lab.keeper.capture.count:
            lab.keeper.capture.write(work / CAPTURE_FILE)
    finally:
        lab.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
