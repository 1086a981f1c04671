"""What treatment a flow needs, by its service and by what it was."""

import pytest

from train import qos, truth

HEAD = "split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,label\n"


@pytest.mark.parametrize("service, proto, port, packets, size, wanted", [
    ("dns", "17", 53, 2, 200, "signalling"),
    ("infra", "udp", 123, 2, 152, "signalling"),
    ("discovery", "17", 1900, 4, 800, "background"),
    ("ads", "6", 443, 200, 5_000_000, "background"),
    ("http", "6", 80, 11, 99_999, "interactive"),
    ("http", "6", 80, 90, 100_000, "bulk"),
    ("remote_mail_db", "6", 22, 40, 6_000, "interactive"),
    ("youtube_video", "17", 443, 900, 100_000, "streaming"),
    ("youtube_video", "6", 443, 20, 7_000, "interactive"),
    ("realtime_p2p", "17", 50004, 1, 200, "real-time"),
    ("realtime_p2p", "udp", 50004, 1, 200, "real-time"),
    ("realtime_p2p", "17", 5060, 400, 90_000, "signalling"),
    ("realtime_p2p", "17", 3478, 19, 2_000, "signalling"),
    ("realtime_p2p", "17", 3478, 20, 2_000, "real-time"),
    ("realtime_p2p", "6", 5222, 400, 90_000, "signalling"),
])
def test_rule(service, proto, port, packets, size, wanted):
    assert qos.label(service, proto, {40000, port}, packets, size) == wanted
    assert wanted in qos.CLASSES


def test_every_service_has_a_rule():
    services = qos.SETS_UP | qos.CAN_WAIT | qos.PEOPLE_WAIT | {"realtime_p2p", "youtube_video"}
    assert len(services) == 14
    assert {qos.label(s, p, {443}, 50, size) for s in services for p in ("6", "17") for size in (1, 10**6)} == set(qos.CLASSES)


def test_file_is_rewritten(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(HEAD + "train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,2,120,dns\n")
    out = tmp_path / "qos.csv"
    out.write_text(qos.rewritten(file))
    assert out.read_text() == HEAD.replace("label\n", "label,service\n") + "train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,2,120,signalling,dns\n"
    assert [k.label for k in truth.read_labels(out)] == ["signalling"]


@pytest.mark.parametrize("text, says", [
    (HEAD.replace("bytes,", ""), "no column 'bytes'"),
    (HEAD + "train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,2,120,chess\n", "line 2: label is 'chess', which has no rule"),
    (HEAD + "train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,few,120,dns\n", "line 2: packets is few"),
])
def test_problems(tmp_path, text, says):
    file = tmp_path / "labels.csv"
    file.write_text(text)
    with pytest.raises(qos.Problem, match=says):
        qos.rewritten(file)
