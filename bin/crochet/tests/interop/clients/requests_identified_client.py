"""Python's x402 with requests, and a payment identifier, by which a response that was lost can be had again."""

import json
import os

from eth_account import Account
from x402 import x402ClientSync
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.http.clients import x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client


def name_it(context) -> None:
    append_payment_identifier_to_extensions(context.payment_required.extensions)


client = x402ClientSync()
register_exact_evm_client(client, EthAccountSigner(Account.from_key(os.environ["PAYER_KEY"])))
client.on_before_payment_creation(name_it)
with x402_requests(client) as session:
    response = session.post(os.environ["LISTING_URL"], json=json.loads(os.environ["BODY"]), timeout=60)
receipt = response.headers.get("PAYMENT-RESPONSE")
print(json.dumps({"status": response.status_code, "answer": response.json(), "receipt": receipt}))
