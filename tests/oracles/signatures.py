"""Signatures by other people's code: of Standard Webhooks by its own library for Python, for `src/webhook/signature.rs`; of
DingTalk and Feishu by Python's own hmac, for `src/webhook/format/{dingtalk,feishu}.rs`.

    pip install standardwebhooks==1.1.0
    python3 tests/oracles/signatures.py

Prints a line for each; the tests hold the printed values.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timezone
from importlib.metadata import version

from standardwebhooks import Webhook


def signed(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


# The key is the secret, the message has it once more.
for ms, secret in [(1674087231000, "SECtest"), (1769128260000, "SEC纸机")]:
    print("dingtalk", ms, secret, signed(secret, f"{ms}\n{secret}"))

# The key is time and secret, the message is empty.
for s, secret in [(1674087231, "feishutest"), (1769128260, "纸机")]:
    print("feishu", s, secret, signed(f"{s}\n{secret}", ""))

# Standard Webhooks: the vector of the specification, one of our events (with a key of 64 bytes, without padding), and an empty body.
print("standardwebhooks", version("standardwebhooks"))
long_key = base64.b64encode(bytes(range(64))).decode().rstrip("=")
event = '{"type":"batch.at_risk","timestamp":"2026-01-23T00:31:00Z","data":{"id":"evt_0123","title":"纸机"}}'
for secret, id, seconds, body in [
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'),
    ("whsec_" + long_key, "evt_0123", 1769128261, event),
    ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "evt_0123", 1769128261, ""),
]:
    print(secret, id, seconds, Webhook(secret).sign(id, datetime.fromtimestamp(seconds, timezone.utc), body))
