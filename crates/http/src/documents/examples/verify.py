# verify.py: Python 3.9 or newer, standard library only.
import hashlib
import hmac
from datetime import datetime, timezone

TOLERANCE_SECONDS = 300


def is_from_crochet(secrets, headers, body, now=None):
    """Whether a request came through Crochet, for this very body, within five minutes.

    secrets: the whole whsec_... texts that you accept: one, or two while you rotate.
    headers: names in lower case. body: the raw bytes, before any parsing.
    """
    timestamp = headers.get("x-crochet-timestamp", "")
    request_id = headers.get("x-crochet-request-id", "")
    listing_id = headers.get("x-crochet-listing-id", "")
    body_sha256 = headers.get("x-crochet-body-sha256", "")
    # A point inside an id could move what is signed from one part to its neighbour.
    if not request_id or not listing_id or "." in request_id or "." in listing_id:
        return False

    payload = f"{timestamp}.{request_id}.{listing_id}.{body_sha256}".encode()
    sent = [headers.get(name, "") for name in ("x-crochet-signature", "x-crochet-signature-next")]
    is_signed = False
    for secret in secrets:
        expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest().encode()
        for signature in sent:
            is_signed |= hmac.compare_digest(expected, signature.encode())
    if not is_signed:
        return False
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), body_sha256.encode()):
        return False

    try:
        signed_at = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return False
    now = now or datetime.now(timezone.utc)
    return abs((now - signed_at).total_seconds()) <= TOLERANCE_SECONDS
