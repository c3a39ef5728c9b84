"""For programs: files that never change, health, metrics, and what search engines may read."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from urbanlab_portal import metrics, policies
from urbanlab_portal.base_handler import BaseHandler
from urbanlab_portal.compression import make_content
from urbanlab_portal.errors import NotPublicError
from urbanlab_portal.statics import make_cache_control


class StaticHandler(BaseHandler):
    """Style, widgets' bundle, files of maps."""

    kind = "static"

    async def get(self, *names: str) -> None:
        """Send one of the files that were there when the portal started."""
        static = self.portal.statics.find(names[0])
        if static is None:
            raise NotPublicError
        content = await self.portal.contents.get(
            ("static", names[0]), lambda: make_content(static.path.read_bytes(), static.media_type)
        )
        version = self.request.query.removeprefix("v=")
        await self.send(content, policies.FILE, make_cache_control(static, version))


class SlashHandler(BaseHandler):
    """An address without its last slash."""

    async def get(self, *names: str) -> None:
        """Lead to the one that has it, whether there is something or not."""
        self.set_header("Cache-Control", policies.A_DAY)
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"/{'/'.join(names)}/{query}", status=308)


class RobotsHandler(BaseHandler):
    """What search engines may read."""

    async def get(self, *names: str) -> None:
        """Say so."""
        town = self.portal.directory.list_tenants().get(self.town)
        sitemap = self.portal.homes.make_url("/sitemap.xml", town)
        text = (
            "User-agent: *\nDisallow: /preview/\nDisallow: /*/live/\nDisallow: /*/embed\n"
            "Disallow: /*/report/\n\n"
            f"Sitemap: {sitemap}\n"
        )
        await self.send(
            make_content(text.encode(), "text/plain; charset=utf-8"), policies.FILE, policies.A_DAY
        )


class LivezHandler(BaseHandler):
    """The process lives."""

    async def get(self, *names: str) -> None:
        """Say so."""
        self.set_header("Cache-Control", policies.NEVER)
        self.write({"status": "alive"})


class ReadyzHandler(BaseHandler):
    """Whether the portal can show what is public."""

    async def get(self, *names: str) -> None:
        """Answer 200, or 503 and what is missing."""
        self.set_header("Cache-Control", policies.NEVER)
        if self.portal.directory.is_readable():
            self.write({"status": "ready"})
        else:
            self.set_status(503)
            missing = {"public": "the folder of what is public cannot be read"}
            self.write({"status": "not ready", "missing": missing})


class MetricsHandler(BaseHandler):
    """The metrics of this process for Prometheus."""

    async def get(self, *names: str) -> None:
        """Write them in Prometheus' text format."""
        metrics.KEPT_BYTES.set(self.portal.contents.size)
        self.set_header("Cache-Control", policies.NEVER)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(generate_latest())
