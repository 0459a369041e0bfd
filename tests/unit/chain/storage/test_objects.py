"""What a bucket's store makes of a server that fails: against a scripted one on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from obstore.store import GCSStore, S3Store

from chain.storage.contract import BlobStore, Version
from chain.storage.objects import BucketStore, Pacing, Patience
from chain.storage.opening import open_store
from domain.errors import AccessDenied, ConflictError, InputError, NotFound, PolicyCortexError, UnavailableError
from tests.unit.chain.storage.scripted_server import Reply, Script, serving

NO_SUCH_BUCKET = Reply(404, b"<Error><Code>NoSuchBucket</Code></Error>")
BROKEN, LOST = Reply(500), Reply(503)
ACCEPTED = Reply(200, headers={"ETag": '"mine"'})
EXISTS = Reply(412)
GONE = Reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
HALF = Reply(200, b"half", claimed_size=8)


def holding(content: bytes, tag: str) -> Reply:
    return Reply(200, content, {"ETag": tag})


class Watch:
    """A clock that a sleeper moves."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, list[float]()

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


@contextmanager
def scripted(
    replies: dict[str, list[Reply]], *, patience: Patience | None = None, watch: Watch | None = None
) -> Iterator[tuple[BucketStore, Script]]:
    script, watch = Script(replies), watch or Watch()
    with serving(script) as url:
        bucket = S3Store(
            "b",
            endpoint=url,
            region="us-east-1",
            access_key_id="k",
            secret_access_key="k",
            disable_bulk_delete=True,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        pacing = Pacing(lambda: watch.now, watch.sleep, lambda: 1.0)
        yield BucketStore(bucket, location="s3://b", patience=patience, pacing=pacing), script


def read(store: BlobStore) -> object:
    return store.get("a")


def read_in_parts(store: BlobStore) -> object:
    return b"".join(store.chunks("a"))


@pytest.mark.parametrize("action", [read, read_in_parts])
def test_a_body_that_ends_too_early_is_an_error_and_no_half_object(action: Callable[[BlobStore], object]) -> None:
    with scripted({"GET": [HALF]}) as (store, _), pytest.raises(UnavailableError, match="no answer"):
        action(store)


def test_a_body_that_ended_too_early_is_asked_for_again() -> None:
    with scripted({"GET": [HALF, BROKEN, holding(b"whole", '"1"')]}) as (store, script):
        assert store.get("a").content == b"whole"
    assert script.asked == ["GET"] * 3


def test_a_listing_that_fails_is_no_empty_listing() -> None:
    half = Reply(200, b'<?xml version="1.0"?><ListBucketResult><Contents><Key>a</Key>')
    for reply in (BROKEN, half, NO_SUCH_BUCKET, HALF):
        with scripted({"LIST": [reply]}) as (store, _), pytest.raises(UnavailableError):
            store.listing()


def test_a_missing_object_is_only_believed_while_the_bucket_is_there() -> None:
    with scripted({"GET": [GONE]}) as (store, _), pytest.raises(NotFound):
        store.get("a")
    with scripted({"GET": [GONE], "LIST": [NO_SUCH_BUCKET]}) as (store, _), pytest.raises(UnavailableError):
        store.get("a")


def test_attempts_are_counted_and_the_pauses_between_them_grow_to_a_bound() -> None:
    watch, patience, served = Watch(), Patience(attempts_max=5, pause_s_max=1), {"GET": [BROKEN]}
    with scripted(served, patience=patience, watch=watch) as (store, script), pytest.raises(UnavailableError) as caught:
        store.get("a")
    assert script.asked == ["GET"] * 5
    assert watch.pauses == [0.2, 0.4, 0.8, 1]
    assert caught.value.facts["name"] == "a"
    assert "500" in str(caught.value.facts["reason"])


def test_no_attempt_begins_after_the_deadline() -> None:
    patience = Patience(attempts_max=1000, deadline_s=3, pause_s=1, pause_s_max=1)
    with scripted({"GET": [BROKEN]}, patience=patience) as (store, script), pytest.raises(UnavailableError):
        store.get("a")
    assert script.asked == ["GET"] * 4


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    with scripted({"GET": [Reply(status)]}) as (store, script), pytest.raises(AccessDenied, match="refuses"):
        store.get("a")
    assert script.asked == ["GET"]


def test_reasons_hold_no_signature_of_an_address() -> None:
    with scripted({"LIST": [BROKEN]}) as (store, _), pytest.raises(UnavailableError) as caught:
        store.listing("secret/")
    assert "prefix=" not in str(caught.value)


def test_a_creator_whose_answer_was_lost_finds_its_own_object() -> None:
    replies = {"PUT": [LOST, EXISTS], "GET": [holding(b"mine", '"mine"')]}
    with scripted(replies) as (store, _):
        assert store.put_new("a", b"mine") == Version('"mine"')


def test_a_creator_whose_answer_was_lost_takes_nobody_elses_object_for_its_own() -> None:
    replies = {"PUT": [LOST, EXISTS], "GET": [holding(b"other", '"other"')]}
    with scripted(replies) as (store, _), pytest.raises(ConflictError, match="exists"):
        store.put_new("a", b"mine")


def test_a_creator_who_lost_no_answer_does_not_claim_an_equal_object() -> None:
    replies = {"PUT": [EXISTS], "GET": [holding(b"mine", '"other"')]}
    with scripted(replies) as (store, _), pytest.raises(ConflictError, match="exists"):
        store.put_new("a", b"mine")


def test_a_refusal_that_the_object_does_not_bear_out_is_asked_again() -> None:
    with scripted({"PUT": [EXISTS, ACCEPTED], "GET": [GONE]}) as (store, _):
        assert store.put_new("a", b"mine") == Version('"mine"')
    with scripted({"PUT": [EXISTS, ACCEPTED], "GET": [holding(b"old", '"old"')]}) as (store, _):
        assert store.put_if_match("a", b"mine", Version('"old"', "7")) == Version('"mine"')


def test_a_replacer_whose_answer_was_lost_finds_its_own_object() -> None:
    replies = {"PUT": [LOST, EXISTS], "GET": [holding(b"mine", '"mine"')]}
    with scripted(replies) as (store, _):
        assert store.put_if_match("a", b"mine", Version('"old"')) == Version('"mine"')


def test_a_replacer_is_refused_when_another_one_was_faster() -> None:
    for there in (holding(b"other", '"other"'), GONE):
        with scripted({"PUT": [LOST, EXISTS], "GET": [there]}) as (store, _), pytest.raises(ConflictError):
            store.put_if_match("a", b"mine", Version('"old"'))


def test_a_store_that_says_nothing_exists_when_it_is_written_to_is_not_believed() -> None:
    with scripted({"PUT": [GONE]}) as (store, _), pytest.raises(UnavailableError):
        store.put("a", b"")


def test_what_is_gone_already_is_deleted_one_by_one() -> None:
    with scripted({"DELETE": [GONE]}) as (store, script):
        store.delete_all(["a", "b"])
    assert script.asked.count("DELETE") >= 2
    with scripted({"DELETE": [GONE], "LIST": [NO_SUCH_BUCKET]}) as (store, _), pytest.raises(UnavailableError):
        store.delete("a")


def test_google_cloud_storage_is_asked_by_generation() -> None:
    def generation(number: int, content: bytes = b"") -> Reply:
        return Reply(200, content, {"ETag": '"same"', "x-goog-generation": str(number)})

    script = Script({"PUT": [generation(17), generation(18), EXISTS], "GET": [generation(19, b"other")]})
    with serving(script) as url:
        account = {
            "gcs_base_url": url,
            "disable_oauth": True,
            "client_email": "",
            "private_key": "",
            "private_key_id": "",
        }
        bucket = GCSStore(
            "b",
            service_account_key=json.dumps(account),
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        store = BucketStore(bucket, location="gs://b")
        first = store.put_new("a", b"1")
        second = store.put_if_match("a", b"2", first)
        with pytest.raises(ConflictError, match="changed"):
            store.put_if_match("a", b"3", second)
    assert (first, second) == (Version('"same"', "17"), Version('"same"', "18"))
    assert script.conditions == [f"x-goog-if-generation-match: {number}" for number in (0, 17, 18)]


def test_a_store_is_opened_with_the_options_of_its_kind() -> None:
    assert BucketStore.open("s3://bucket/folder", {"region": "eu-west-1"}).location == "s3://bucket/folder/"
    assert BucketStore.open("gs://bucket", {"skip_signature": "true"}).location == "gs://bucket/"


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("https://example.org/a", {}),
        ("ftp://a", {}),
        ("az://container", {}),
        ("s3://bucket", {"no_such_setting": "1"}),
    ],
)
def test_an_address_that_no_store_has_is_refused(address: str, options: dict[str, str]) -> None:
    with pytest.raises(InputError, match="not the address"):
        open_store(address, options)


def test_object_storage_without_its_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chain.storage.objects", None)
    with pytest.raises(InputError, match="not installed") as caught:
        open_store("s3://bucket")
    assert "policycortex[storage]" in str(caught.value)


def test_errors_of_a_store_say_who_must_act() -> None:
    with scripted({"GET": [BROKEN]}) as (store, _), pytest.raises(PolicyCortexError) as caught:
        store.get("a")
    assert caught.value.is_retried
    assert caught.value.facts["store"] == "s3://b/"
