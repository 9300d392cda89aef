"""How the kiosk is, gathered for its status and its screen."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import config
from sync.own_status import Condition
from terminal import camera_record, health
from terminal.camera_record import CameraRecord
from terminal.clock import Clock, boot_id
from terminal.gallery import Gallery
from terminal.sighting import CameraState, CameraTrouble

SET_STALE = "set_stale"
_OFFLINE_AFTER_S = 6.0


class Pulse:
    """How the kiosk is, gathered here for the status: written and read by several threads, one reference at a time."""

    def __init__(
        self,
        settings: config.Config,
        *,
        gallery: Callable[[], Gallery],
        clock: Clock,
        card_alarms: tuple[str, ...],
        supply_alarms: Callable[[], tuple[str, ...]],
        storage_alarms: Callable[[], tuple[str, ...]],
        voice_alarms: Callable[[], tuple[str, ...]],
        full_percent: Callable[[], float | None],
    ) -> None:
        self._folder = settings.terminal.state
        self._gallery, self._clock = gallery, clock
        self._card_alarms, self._supply_alarms = card_alarms, supply_alarms
        self._storage_alarms, self._voice_alarms = storage_alarms, voice_alarms
        self.full_percent = full_percent
        self._stale_days = settings.terminal.set_stale_days
        self._began_s = time.monotonic()
        self._told_s: float | None = None
        self._told_at = datetime.now(UTC)
        self.camera = "starting"
        self.camera_trouble: CameraTrouble | None = None
        self._camera_record = CameraRecord()
        self.restarts = 0
        self.vitals = health.vitals(self._folder, self._clock.look()[0])

    def look(self) -> None:
        """The vitals are those of now."""
        self.vitals = health.vitals(self._folder, self._clock.look()[0])

    def camera_is(self, camera: CameraState) -> None:
        """The camera is as `camera` says, from now on. Called by the main thread."""
        self.camera, self.camera_trouble = camera.state, camera.why
        self._camera_record = camera_record.noted(
            self._camera_record, camera, at=datetime.now(UTC), now_s=time.monotonic()
        )

    @property
    def camera_record(self) -> CameraRecord:
        """The camera's losses since the kiosk started, up to now."""
        return camera_record.until(self._camera_record, now_s=time.monotonic())

    @property
    def connected_at(self) -> datetime | None:
        """When the broker was last there."""
        return self._told_at if self._told_s is not None else None

    def gallery_days(self, at: datetime) -> int:
        """Return how many whole days before `at` the set in use was made."""
        made_at = self._gallery().created_at
        return max(0, (at - made_at).days) if made_at is not None else 0

    def restarted(self) -> None:
        """One more thread had to be started again."""
        self.restarts += 1

    def condition(self) -> Condition:
        """Return what goes into the status. The uplink asks while it is connected: being asked is being online."""
        self._told_s, self._told_at = time.monotonic(), datetime.now(UTC)
        gallery, vitals = self._gallery(), self.vitals
        return Condition(
            gallery_version=gallery.version,
            gallery_people=len(gallery.people),
            engine_id=gallery.engine_id,
            camera=self.camera,
            clock=vitals.clock,
            boot_id=boot_id(),
            disk_free_mb=vitals.disk_free_mb,
            temperature_c=vitals.temperature_c,
            uptime_s=vitals.uptime_s,
            software=health.software(),
            alarms=self.alarms(),
        )

    def alarms(self) -> tuple[str, ...]:
        """Return the codes of what somebody should look at."""
        restarted = ("thread_restarted",) if self.restarts else ()
        trouble = self.camera_trouble
        camera = (trouble.alarm,) if trouble is not None else ()
        stale = (SET_STALE,) if self.gallery_days(datetime.now(UTC)) >= self._stale_days else ()
        machine = (*self._storage_alarms(), *self._voice_alarms())
        return (*self._supply_alarms(), *self._card_alarms, *machine, *camera, *stale, *restarted)

    def offline_since(self) -> datetime | None:
        """Return since when there is no broker, None while there is one (or the kiosk has only just begun)."""
        heard_s = self._told_s if self._told_s is not None else self._began_s
        return self._told_at if time.monotonic() > heard_s + _OFFLINE_AFTER_S else None
