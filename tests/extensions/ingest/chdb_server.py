"""A small ClickHouse: its HTTP interface, as far as ingest needs it, over chDB on disk.

Run as ``python chdb_server.py PORT FOLDER``. The component tests of ingest use it so that they need no more than
Kafka beside it; `tests/integration/test_streams.py` does the same with the gateway and its engine.
"""

from __future__ import annotations

import asyncio
import sys

from chdb.session import Session
from tornado.web import Application, RequestHandler


class QueryHandler(RequestHandler):
    def initialize(self, session: Session) -> None:
        self.session = session

    def post(self) -> None:
        statement = self.get_query_argument("query") + "\n" + self.request.body.decode()
        try:
            self.finish(self.session.query(statement).bytes())
        except RuntimeError as error:
            self.set_status(400)
            self.finish(str(error))


class ReleasesHandler(RequestHandler):
    def get(self) -> None:
        self.finish({"releases": []})


async def main(port: int, folder: str) -> None:
    session = Session(folder)
    routes = [("/", QueryHandler, {"session": session}), ("/releases", ReleasesHandler)]
    Application(routes).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
