"""The settings of a home of its own, as a demonstration's, beside an installation's."""

from flows.settings.environment import Settings

_OF_THE_INSTALLATION = (
    "database_url",
    "pseudonym_key",
    "inbox",
    "sources",
    "success_url",
    "pacs",
    "pacs_folder",
    "receiver_folder",
    "backup_folder",
    "alert_webhook",
    "alert_mail_server",
    "alert_mail_from",
    "alert_mail_to",
)


def with_own_home(settings: Settings, **options: object) -> Settings:
    """Return settings that share no data and no alarm with the installation of the environment.

    Parameters
    ----------
    options
        What is set for that home, such as ``home`` itself; where one is None, it is unset.
    """
    unset = {
        name: Settings.model_fields[name].get_default(call_default_factory=True)
        for name in _OF_THE_INSTALLATION
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    return settings.model_copy(update=unset | chosen)
