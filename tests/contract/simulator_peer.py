"""A peer with the simulator."""

from tests.contract.peer import ApplicationCredential, Login, NewBackup, Person
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.identity import DOMAIN_NAME, User


class SimulatorPeer:
    """A simulated cloud, by default with immediate deletions, as with a file driver."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.auth_url = cloud.auth_url
        self.volume_url = cloud.url
        self.set_rate_limit = cloud.limit_rate

    def login(self, person: Person) -> Login:
        user = self._user(person)
        return Login(
            user_id=user.id,
            user_name=user.name,
            domain_name=DOMAIN_NAME,
            project_id=user.project.id,
            password=user.password,
        )

    def application_credential(self) -> ApplicationCredential:
        credential = self._cloud.identity.credential
        return ApplicationCredential(id=credential.id, secret=credential.secret)

    def write_backup(self, backup: NewBackup) -> str:
        return self._cloud.add_backup(
            name=backup.name,
            description=backup.description,
            created_at=backup.created_at,
            volume_id=backup.volume_id,
            status=backup.status,
            parent_id=backup.parent_id,
            metadata=backup.metadata,
            project_id=self._user(backup.owner).project.id,
        )

    def set_backup_service(self, *, up: bool) -> None:
        self._cloud.set_service(up=up)

    def set_driver(self, *, delay_s: float = 0.0, failing: str | None = None) -> None:
        self._cloud.change_settings(delete_seconds=delay_s, driver_error=failing)

    def set_max_limit(self, limit: int) -> None:
        self._cloud.change_settings(page_limit=limit)

    def serve_v2(self, *, on: bool) -> None:
        self._cloud.change_settings(serves_v2=on)

    def set_token_lifetime(self, seconds: int) -> None:
        self._cloud.change_settings(token_seconds=seconds)

    def reset(self) -> None:
        self._cloud.reset()
        self.set_driver()
        self.serve_v2(on=False)

    def _user(self, person: Person) -> User:
        return self._cloud.identity.users[person.value]
