"""What an upload came to, for people and for programs."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from newstally_protos.names import shown

from newstally.cli.uploading.rejecting.gathering import Rejected
from newstally.cli.uploading.sending import Sent
from newstally.inputs.dating import Dating
from newstally.values import RefusalReason


@dataclass(frozen=True, slots=True)
class Report:
    """What an upload came to."""

    sent: Sent
    malformed: int
    """Records of the input that are no articles; they are among those that were refused."""
    rejected: Rejected
    dating: Dating

    def as_json(self) -> dict[str, Any]:
        """Return an object with the protocol's field names and those of this run."""
        summary, went = self.sent.summary, self.sent.summary.statistics
        return {
            "upload_id": summary.upload_id,
            "next_offset": summary.next_offset,
            "applied_offset": self.sent.applied_offset,
            "counted": summary.counted,
            "refused": summary.refused,
            "refused_by_reason": {
                reason.value: number for reason, number in self._by_reason.most_common()
            },
            "mentions": summary.mentions,
            "models": list(summary.models),
            "articles": summary.articles,
            "malformed": self.malformed,
            **self.dating.as_json(),
            "already_counted": self.sent.already_counted,
            "seconds": round(self.sent.seconds, 3),
            "retries": went.retries,
            "articles_per_second": round(self._per_second(went.settled), 1),
            "megabytes_per_second": round(self._per_second(went.settled_bytes) / 1e6, 3),
            "settle_seconds": {
                "p50": round(went.settle_p50_seconds, 3),
                "p95": round(went.settle_p95_seconds, 3),
                "p99": round(went.settle_p99_seconds, 3),
            },
            "rejects": str(self.rejected.path) if self.rejected.path else None,
            "refusals": [
                {
                    "offset": located.refusal.offset,
                    "article_id": located.refusal.article_id,
                    "reason": located.refusal.reason.value,
                    "message": located.refusal.message,
                    "path": str(located.path) if located.path else None,
                    "line": located.line,
                }
                for located in self.rejected.shown
            ],
        }

    def as_text(self) -> str:
        """Return lines for people, the summary last."""
        summary, went = self.sent.summary, self.sent.summary.statistics
        lines = [str(located) for located in self.rejected.shown]
        if summary.refused > len(lines):
            lines.append(
                f"refused: {summary.refused - len(lines):,} more; `newstally refusals"
                f" {summary.upload_id}` lists them"
            )
        lines += map(shown, self.dating.lines())
        already = "already counted: " if self.sent.already_counted else ""
        lines.append(
            f"{already}upload {summary.upload_id}: {summary.next_offset:,} articles settled"
            f" ({summary.counted:,} counted, {summary.refused:,} refused{self._reasons()}),"
            f" {summary.mentions:,} mentions, {self.sent.applied_offset:,} applied"
        )
        if dated := self.dating.summary():
            undated = self.dating.missing + self.dating.unreadable
            rest = "; without one they count under no day" if undated else ""
            lines.append(f"articles of the input: {dated}{rest}")
        if went.settled:
            lines.append(
                f"{went.settled:,} articles in {self.sent.seconds:,.1f} s:"
                f" {self._per_second(went.settled):,.0f} articles/s,"
                f" {self._per_second(went.settled_bytes) / 1e6:,.2f} MB/s,"
                f" {went.retries:,} retries; settled after {went.settle_p50_seconds:,.2f} s (p50),"
                f" {went.settle_p95_seconds:,.2f} s (p95), {went.settle_p99_seconds:,.2f} s (p99)"
            )
        if self.rejected.path is not None:
            lines.append(f"rejects, to mend and send again: {self.rejected.path}")
        return "\n".join(lines)

    @property
    def _by_reason(self) -> Counter[RefusalReason]:
        return self.sent.verdicts.by_reason

    def _per_second(self, number: float) -> float:
        return number / self.sent.seconds if self.sent.seconds else 0.0

    def _reasons(self) -> str:
        told = [f"{number:,} {reason}" for reason, number in self._by_reason.most_common()]
        rest = self.sent.summary.refused - self._by_reason.total()
        if rest > 0 and told:
            told.append(f"{rest:,} others")
        return f": {', '.join(told)}" if told else ""
