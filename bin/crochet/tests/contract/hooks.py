"""What a generator cannot guess: proofs of work and of wallets.

A generated request that would be valid but for its proof gets a real one, so that the accepting side of the contract is
tested too. What was generated to be invalid stays as it is.
"""

import hashlib
import itertools
import json
import os
import random
import urllib.error
import urllib.request
import uuid

import schemathesis
from nacl.signing import SigningKey
from schemathesis import GenerationMode

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
URL = os.environ["URL"]
KEY = os.environ["KEY"]
LISTING = os.environ["LISTING"]


def base58(raw: bytes) -> str:
    number, digits = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + digits


def send(method: str, path: str, body: dict | None = None) -> dict | None:
    """What the gateway answers, terms of payment included; nothing when it refuses."""
    headers = {"Authorization": f"Bearer {KEY}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{URL}/api/v1{path}", data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as refused:
        return json.load(refused)["data"] if refused.code == 402 else None


def solve(challenge: str, difficulty: int) -> str:
    zeros = "0" * difficulty
    return next(
        str(nonce)
        for nonce in itertools.count()
        if hashlib.sha256(f"{challenge}{nonce}".encode()).hexdigest().startswith(zeros)
    )


def prove_listing(body: dict) -> None:
    challenge = send("POST", "/listings/challenge")
    if challenge:
        body["pow_challenge"] = challenge["challenge"]
        body["pow_nonce"] = solve(challenge["challenge"], challenge["difficulty"])


def prove_wallet(body: dict, purpose: str) -> None:
    wallet = SigningKey.generate()
    address = base58(bytes(wallet.verify_key))
    challenge = send("POST", "/auth/challenge", {"wallet_address": address, "purpose": purpose})
    if challenge:
        body["wallet_address"] = address
        body["nonce"] = challenge["nonce"]
        body["signature"] = base58(wallet.sign(challenge["message"].encode()).signature)
        body["pow_nonce"] = solve(challenge["pow"]["challenge"], challenge["pow"]["difficulty"])


def stay_a_seller(body: dict) -> None:
    """Whoever gives up selling tests no more of what sellers do."""
    if "role" in body:
        body["role"] = "both"


PROOFS = {
    "PATCH /api/v1/me": stay_a_seller,
    "POST /api/v1/listings": prove_listing,
    "POST /api/v1/register": lambda body: prove_wallet(body, "register"),
    "POST /api/v1/auth/recover": lambda body: prove_wallet(body, "recover"),
}


OWN_KEY = send("GET", "/me")["api_key"]["id"]


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    label = case.operation.label
    # Whoever revokes its own key tests nothing more.
    if label == "DELETE /api/v1/api-keys/{id}" and str(case.path_parameters.get("id", "")).lower() == OWN_KEY:
        case.path_parameters["id"] = str(uuid.uuid4())
    is_valid = case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_valid:
        return
    if label in PROOFS and isinstance(case.body, dict):
        PROOFS[label](case.body)
    # No generator guesses a listing that takes calls, or a call that waits to be paid.
    if label == "POST /api/v1/gateway/{listing}" and random.random() < 0.8:
        case.path_parameters["listing"] = LISTING
    if label == "POST /api/v1/mock-provider/payments/{relay_request_id}/pay" and random.random() < 0.8:
        terms = send("POST", f"/gateway/{LISTING}", {"task": "signal"})
        if terms:
            case.path_parameters["relay_request_id"] = terms["relay_request_id"]
