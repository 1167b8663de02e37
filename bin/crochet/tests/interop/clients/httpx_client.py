"""Python's x402 with httpx, as its documentation has it."""

import asyncio
import json
import os

from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact.register import register_exact_evm_client


async def main() -> None:
    client = x402Client()
    register_exact_evm_client(client, EthAccountSigner(Account.from_key(os.environ["PAYER_KEY"])))
    async with x402HttpxClient(client, timeout=60) as http:
        response = await http.post(os.environ["LISTING_URL"], json=json.loads(os.environ["BODY"]))
        await response.aread()
    receipt = response.headers.get("PAYMENT-RESPONSE")
    print(json.dumps({"status": response.status_code, "answer": response.json(), "receipt": receipt}))


asyncio.run(main())
