"""Python's x402 with requests, as its documentation has it."""

import json
import os

from eth_account import Account
from x402 import x402ClientSync
from x402.http.clients import x402_requests
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client

client = x402ClientSync()
register_exact_evm_client(client, EthAccountSigner(Account.from_key(os.environ["PAYER_KEY"])))
with x402_requests(client) as session:
    response = session.post(os.environ["LISTING_URL"], json=json.loads(os.environ["BODY"]), timeout=60)
receipt = response.headers.get("PAYMENT-RESPONSE")
print(json.dumps({"status": response.status_code, "answer": response.json(), "receipt": receipt}))
