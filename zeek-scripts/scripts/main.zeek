##! The stream of records: one for each of a flow's first packets, one for its end.

@load base/frameworks/cluster
@load base/frameworks/logging
@load ./frame

module ServeFlow;

export {
	redef enum Log::ID += { LOG };

	## What a packet record holds of the packet's headers.
	type Form: enum {
		## The bytes, and numbers that follow from them.
		FULL,
		## The bytes, and the flow's two ends in its first record only;
		## of conn.log's columns the end has conn_state alone.
		COMPACT,
		## The numbers alone.
		FIELDS
	};

	## What packet records hold.
	option form = FULL;

	## Names this sensor in each record; empty: no such column.
	option sensor = "";

	## One record of the stream: a packet's, or a flow's end.
	type Info: record {
		## pkt, or end.
		ev: string &log;
		## Time of the packet; in an end record, of the flow's last packet.
		ts: time &log;
		## Zeek's connection.
		uid: string &log;
		## The sensor that saw it, if it was given a name.
		sensor: string &log &optional;
		## Its two ends, as Zeek takes them when the record is written. In
		## the compact form only in a flow's first record, and where hdr
		## does not tell them.
		id: conn_id &log &optional;
		## Its transport protocol; likewise.
		proto: transport_proto &log &optional;

		## pkt: the packet's place in the flow, from 1, both directions
		## together.
		n: count &log &optional;
		## pkt: sent by the originator.
		is_orig: bool &log &optional;
		## pkt: IP total length, bytes.
		ip_len: count &log &optional;
		## pkt: payload length, bytes.
		plen: count &log &optional;
		## pkt: TTL or hop limit.
		ttl: count &log &optional;
		## pkt: TCP flags.
		flags: count &log &optional;
		## pkt: TCP window, as it is in the header.
		win: count &log &optional;
		## pkt: base64 of the IP header and the TCP, UDP or ICMP header
		## with options; no payload.
		hdr: string &log &optional;
		## pkt: why hdr is missing or short: frag, tunnel, l2, snap.
		hdr_why: string &log &optional;

		## end: time from the first packet to the last.
		duration: interval &log &optional;
		## end: as in conn.log, and those that follow.
		service: string &log &optional;
		conn_state: string &log &optional;
		history: string &log &optional;
		orig_pkts: count &log &optional;
		resp_pkts: count &log &optional;
		orig_ip_bytes: count &log &optional;
		resp_ip_bytes: count &log &optional;
		orig_bytes: count &log &optional;
		resp_bytes: count &log &optional;
		## end: how many packet records were written for the flow.
		sent: count &log &optional;
	};

	## A hook to leave records out, or to change them.
	global log_policy: Log::PolicyHook;

	## Raised for each record that is written.
	global log_serveflow: event(rec: Info);

	## What is kept of a flow that gets records.
	type Flow: record {
		## Its transport protocol.
		proto: transport_proto;
		## Packet records written.
		sent: count &default=0;
		## The originator's packets among them.
		orig_pkts: count &default=0;
		## Where its frames hold the IP header.
		frames: Frames &optional;
		## Zeek has turned it round since its first record.
		turned: bool &default=F;
	};
}

redef record connection += {
	serveflow: ServeFlow::Flow &optional;
};

event zeek_init() &priority=5
	{
	Log::create_stream(LOG, Log::Stream($columns=Info, $ev=log_serveflow,
	    $path="serveflow", $policy=log_policy, $event_groups=set(
	    "serveflow")));
	}

# A Zeek alone serialises each record for peers that it does not have.
event zeek_init() &priority=-5
	{
	local filter = Log::get_filter(LOG, "default");

	if ( ! Cluster::is_enabled() && filter$name == "default" )
		{
		filter$log_remote = F;
		Log::add_filter(LOG, filter);
		}
	}

# Where nobody reads the stream, not even the work is done.
event zeek_init() &priority=-100
	{
	if ( |Log::get_filter_names(LOG)| == 0 )
		Log::disable_stream(LOG);
	}
