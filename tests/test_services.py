"""What other tests rely on: servers of our own keep their data through a kill and a restart."""

import pika
import psycopg

from tests import services


def test_postgresql_keeps_rows_through_kill_and_restart(own_postgresql: services.Postgres) -> None:
    with psycopg.connect(own_postgresql.url, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as row")
    own_postgresql.kill()
    assert not own_postgresql.answers()
    own_postgresql.start()
    own_postgresql.restart()
    with psycopg.connect(own_postgresql.url) as connection:
        assert connection.execute("select row from kept").fetchall() == [(1,)]


def test_each_test_has_a_virtual_host_and_a_database_of_its_own(rabbitmq_vhost: str, postgresql_database: str) -> None:
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_vhost)) as connection:
        connection.channel().queue_declare("only-here", durable=True, arguments={"x-queue-type": "quorum"})
    with psycopg.connect(postgresql_database) as connection:
        connection.execute("create table only_here (a int)")


def test_a_server_is_known_by_its_folder(own_postgresql: services.Postgres) -> None:
    again = services.Postgres(own_postgresql.folder)
    assert again.running
    assert again.url == own_postgresql.url
