"""A peer with real servers."""

from tests.contract.peer import ApplicationCredential, Login, NewBackup, Person
from tests.openstack.accounts import User
from tests.openstack.cloud import Cloud
from tests.openstack.target_secret import Secret
from tests.openstack.volumes import create_volume


class OpenStackPeer:
    """Real Keystone and Cinder. Backups are written to the database of Cinder."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.auth_url = cloud.auth_url
        self.volume_url = cloud.cinder_url
        self.set_backup_service = cloud.set_backup_service
        self.set_driver = cloud.set_driver
        self.set_rate_limit = cloud.set_rate_limit
        self.set_max_limit = cloud.set_max_limit
        self.serve_v2 = cloud.serve_v2
        self.set_token_lifetime = cloud.set_token_lifetime

    def login(self, person: Person) -> Login:
        user = self._user(person)
        return Login(
            user_id=user.id,
            user_name=user.name,
            domain_name=user.domain_name,
            project_id=user.project_id,
            password=user.password,
        )

    def target_secret(self) -> Secret:
        """Return the target secret of the user `member`, for Cinder."""
        return self._cloud.secret()

    def create_volume(self) -> str:
        """Create a volume that can be backed up; return its ID."""
        return create_volume(self._cloud, "test-cloud")

    def application_credential(self) -> ApplicationCredential:
        credential = self._cloud.accounts.application_credential
        return ApplicationCredential(id=credential.id, secret=credential.secret)

    def write_backup(self, backup: NewBackup) -> str:
        owner = self._user(backup.owner)
        row = {
            "display_name": backup.name,
            "display_description": backup.description,
            "created_at": backup.created_at.replace(tzinfo=None).isoformat(),
            "volume_id": backup.volume_id,
            "status": backup.status,
            "parent_id": backup.parent_id,
            "metadata": backup.metadata,
            "project_id": owner.project_id,
            "user_id": owner.id,
        }
        return self._cloud.write_backups([row])[0]

    def reset(self) -> None:
        self._cloud.reset()
        self._cloud.serve_v2(on=False)

    def _user(self, person: Person) -> User:
        people = self._cloud.accounts
        return {
            Person.MEMBER: people.member,
            Person.READER: people.reader,
            Person.ADMIN: people.admin,
            Person.UNRELATED: people.unrelated,
            Person.NEIGHBOUR: people.neighbour,
        }[person]
