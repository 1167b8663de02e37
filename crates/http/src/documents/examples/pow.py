# pow.py: Python 3, standard library only.
import hashlib
import itertools


def solve(challenge, difficulty):
    """The pow_nonce: a text that makes sha256(challenge + pow_nonce) begin with so many zeros, in hexadecimal."""
    zeros = "0" * difficulty
    for candidate in itertools.count():
        if hashlib.sha256(f"{challenge}{candidate}".encode()).hexdigest().startswith(zeros):
            return str(candidate)
