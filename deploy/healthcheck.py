"""Asks the role that runs in this container whether it is alive; the exit status is the answer."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4.0
PORTS = (("WORKER_PORT", 8081), ("WEB_PORT", 8080), ("SPEECH_PORT", 8090))
"""Of a worker, the page and a speech process; a container runs one of them."""


def main() -> int:
    """0 when `/healthz` answers 200, else 1 with the reason on standard error."""
    for variable, default in PORTS:
        port = int(os.environ.get(variable) or default)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            body = answer.read()
        except ConnectionRefusedError:
            continue
        except (OSError, http.client.HTTPException) as error:
            print(f"port {port} does not answer: {error!r}", file=sys.stderr)
            return 1
        finally:
            connection.close()
        if answer.status == 200:
            return 0
        print(f"port {port} answers {answer.status}: {body[:500]!r}", file=sys.stderr)
        return 1
    print("nothing listens on WORKER_PORT, WEB_PORT or SPEECH_PORT", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
