"""`elan topics create`: the topics, made once and verified ever after."""

from __future__ import annotations

import typer

topics = typer.Typer(help="The Kafka topics of Élan.", no_args_is_help=True)
DIFFERENT = 1


@topics.callback()
def _group() -> None:
    """Keep `create` a command of its own although it is the only one."""


@topics.command()
def create() -> None:
    """Create the topics for activities, dead letters and alerts; those that exist are verified and never changed.

    Activities are kept for 400 days, the longest window and 35 days, so that the windows can be built anew from the
    topic; dead letters for 35 days; alerts for good, compacted to the last record of each.

    Example: ELAN_KAFKA_REPLICATION_FACTOR=3 elan topics create

    Exit codes: 0 the topics are there, 1 one that exists has another number of partitions, 2 a setting is wrong,
    3 Kafka cannot be reached or refuses.
    """
    from pipeline import kafka_topics  # noqa: PLC0415
    from pipeline.kafka_clients import kafka_admin  # noqa: PLC0415 - quick --help
    from pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    admin = kafka_admin(settings)
    try:
        created = kafka_topics.create_missing(admin, settings)
        partitions = kafka_topics.partitions_once_all_are_there(admin, settings)
        wrong = []
        for topic in kafka_topics.wanted_topics(settings):
            verb = "created" if topic.name in created else "exists"
            number = partitions[topic.name]
            typer.echo(f"{verb}: {topic.name}, {number} partition{'' if number == 1 else 's'}")
            wrong.append(kafka_topics.wrong_partitions(topic, number, settings))
            for sentence in kafka_topics.differing_configs(topic, kafka_topics.configs_of(admin, topic.name)):
                typer.echo(f"warning: {sentence}", err=True)
    finally:
        admin.close()
    for sentence in filter(None, wrong):
        typer.echo(f"wrong: {sentence}", err=True)
    if any(wrong):
        raise typer.Exit(DIFFERENT)
