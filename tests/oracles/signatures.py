"""Signatures of DingTalk and Feishu by Python's own hmac, for `src/webhook/format/{dingtalk,feishu}.rs`.

    python3 tests/oracles/signatures.py     (nothing but Python)

Prints a line for each; the tests hold the printed values.
"""

import base64
import hashlib
import hmac


def signed(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


# The key is the secret, the message has it once more.
for ms, secret in [(1674087231000, "SECtest"), (1769128260000, "SEC纸机")]:
    print("dingtalk", ms, secret, signed(secret, f"{ms}\n{secret}"))

# The key is time and secret, the message is empty.
for s, secret in [(1674087231, "feishutest"), (1769128260, "纸机")]:
    print("feishu", s, secret, signed(f"{s}\n{secret}", ""))
