"""Known flows and the connections that Zeek makes of them."""

import pytest

from train import truth

DATA = """split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,label
train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,2,120,dns
test,7,10.0.0.1,1025,10.0.0.2,53,17,2000000,2,120,dns
train,8,10.0.0.1,1024,10.0.0.2,53,17,301000000,2,120,infra
"""
LAB = "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1024,10.0.0.2,53,udp,1.000001,dns\n"


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text(DATA)
    return file


def test_both_forms_of_labels(data, tmp_path):
    lab = tmp_path / "lab.csv"
    lab.write_text(LAB)
    (flow,) = truth.read_labels(lab)
    assert (flow.first, flow.label, flow.capture) == (1_000_001, "dns", "lab.csv")
    first = next(truth.read_labels(data))
    assert first.ends == flow.ends and first.capture == "train/7"


def test_labels_as_serveflow_label_writes_them(tmp_path):
    """uid and source do no harm, and each record file is a capture."""
    file = tmp_path / "labels.csv"
    file.write_text("uid,orig_h,orig_p,resp_h,resp_p,proto,ts_first,label,source,capture_id\n"
                    "C1,10.0.0.1,1024,10.0.0.2,53,udp,1.000001,dns,dns:dns.log,monday.log\n"
                    "C2,2001:db8::1,8,2001:db8::2,0,icmp,2.5,ping,rest,tuesday.log\n")
    assert [(k.first, k.label, k.capture) for k in truth.need_labels(file)] == [(1_000_001, "dns", "monday.log"), (2_500_000, "ping", "tuesday.log")]
    file.write_text(file.read_text().replace("capture_id\n", "capture_id,split\n").replace(".log\n", ".log,calib\n"))
    assert [k.capture for k in truth.need_labels(file, "calib")] == ["calib/monday.log", "calib/tuesday.log"]


def test_ends_may_be_written_otherwise(tmp_path):
    """Protocols in upper case and long IPv6 addresses stand for what Zeek writes; so do other line ends."""
    lab = tmp_path / "lab.csv"
    lab.write_text("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\r2001:0DB8::0001,1024,10.0.0.2,53,UDP,1.5,dns\r")
    (flow,) = truth.read_labels(lab)
    assert flow.ends == truth.ends("2001:db8::1", 1024, "10.0.0.2", 53, "17")


def test_split(data):
    assert [k.first for k in truth.read_labels(data, "test")] == [2_000_000]


def test_unknown_columns_are_named(tmp_path):
    file = tmp_path / "odd.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="odd.csv: no column 'orig_h'"):
        list(truth.read_labels(file))


def test_direction_does_not_matter():
    assert truth.ends("a", 1, "b", 2, "6") == truth.ends("b", "2", "a", "1", "tcp")
    assert truth.ends("a", 1, "b", 2, "6") != truth.ends("a", 1, "b", 2, "17")


def test_first_connection_stands_for_the_flow(data):
    flows = truth.Flows(truth.read_labels(data, "train"))
    pair = flows.all[0].ends
    # Before the flow; two of it, the later one first; one of the next flow on the same ports; one too late.
    connections = [(pair, 999_999), (pair, 62_000_000), (pair, 1_000_300), (pair, 301_000_000), (pair, 500_000_000)]
    assert {k.label: i for k, i in flows.first_connections(connections).items()} == {"dns": 2, "infra": 3}


@pytest.mark.parametrize("text,us", [("1.5", 1_500_000), ("1", 1_000_000), ("1700000000.000042", 1_700_000_000_000_042)])
def test_microseconds(text, us):
    assert truth.microseconds(text) == us
