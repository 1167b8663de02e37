"""Python's x402 1.0 (v1) with httpx, as its documentation has it."""

import asyncio
import json
import os

from eth_account import Account
from x402.clients.httpx import x402HttpxClient


async def main() -> None:
    account = Account.from_key(os.environ["PAYER_KEY"])
    async with x402HttpxClient(account=account, timeout=60) as http:
        response = await http.post(os.environ["LISTING_URL"], json=json.loads(os.environ["BODY"]))
        await response.aread()
    receipt = response.headers.get("X-PAYMENT-RESPONSE")
    print(json.dumps({"status": response.status_code, "answer": response.json(), "receipt": receipt}))


asyncio.run(main())
