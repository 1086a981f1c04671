##! The records of a flow's first packets.

@load ./depth
@load ./fields
@load ./flush
@load ./header
@load ./main
@load ./select

module ServeFlow;

# Where the frames of a flow hold the IP header: as in the packet before, if this
# one has the flow's addresses there, too.
function frames_of(flow: Flow, frame: string, rec: Info): Frames
	{
	if ( flow?$frames )
		{
		local ends = frame[flow$frames$ends_at : flow$frames$ends_to];

		if ( ends == flow$frames$there || ends == flow$frames$back )
			return flow$frames;
		}

	flow$frames = rec$is_orig ? find_header(frame, rec$id$orig_h, rec$id$resp_h) :
	    find_header(frame, rec$id$resp_h, rec$id$orig_h);

	return flow$frames;
	}

function add_fields(rec: Info, fields: Fields)
	{
	rec$ip_len = fields$ip_len;
	rec$plen = fields$plen;
	rec$ttl = fields$ttl;

	if ( fields?$flags )
		rec$flags = fields$flags;

	if ( fields?$win )
		rec$win = fields$win;
	}

# Numbers of the datagram at hand, unless it lies in a tunnel: then Zeek's parsed
# headers are the outer ones.
function add_datagram(rec: Info)
	{
	local h = get_current_packet_header();

	if ( ! h?$ip && ! h?$ip6 )
		return;

	local from = h?$ip ? h$ip$src : h$ip6$src;

	if ( from == ( rec$is_orig ? rec$id$orig_h : rec$id$resp_h ) )
		add_fields(rec, fields_of_datagram(h));
	}

# What the headers of the packet at hand say, into its record.
function add_headers(rec: Info, c: connection)
	{
	local packet = get_current_packet();
	local frames = frames_of(c$serveflow, packet$data, rec);

	if ( ! frames$known )
		{
		rec$hdr_why = c?$tunnel ? "tunnel" : "l2";
		return;
		}

	local header = header_in(packet, frames, rec$proto);

	if ( form != FIELDS )
		rec$hdr = encode_base64(header$bytes);

	if ( ! header?$why )
		{
		if ( form != COMPACT )
			add_fields(rec, fields_of(header$bytes, frames$six, rec$proto, packet$len -
			    frames$at));

		return;
		}

	rec$hdr_why = header$why;

	if ( header$why == "frag" )
		add_datagram(rec);
	}

# The usual case in short: the header bytes of an IPv4 packet without options
# that is no fragment, in a frame like those before; "" for all others.
function plain_header(flow: Flow): string
	{
	local frame = get_current_packet()$data;
	local frames = flow$frames;
	local ends = frame[frames$ends_at : frames$ends_to];
	local at = frames$at;

	if ( frame[at] != "\x45"
	    || ( ends != frames$there && ends != frames$back )
	    || frame[at + 6 : at + 8] !in unfragmented )
		return "";

	local end = at + 20 + transport_len(frame, at + 20, flow$proto);

	return end <= |frame| ? frame[at:end] : "";
	}

event conn_generic_packet_threshold_crossed(c: connection, threshold: count)
    &group="serveflow"
	{
	if ( threshold == 1 && chosen(c) )
		c$serveflow = Flow($proto=get_port_transport_proto(c$id$resp_p));

	# Out; or the stream was off when the packet before came.
	if ( ! c?$serveflow
	    || c$serveflow$sent + 1 != threshold
	    || threshold > depth )
		return;

	local flow = c$serveflow;
	local orig_pkts = c$orig$num_pkts;
	local is_orig = orig_pkts > flow$orig_pkts;
	flow$sent = threshold;
	flow$orig_pkts = orig_pkts;
	local rec = Info($ev="pkt", $ts=get_current_packet_ts(), $uid=c$uid,
	    $n=threshold, $is_orig=is_orig);

	if ( sensor != "" )
		rec$sensor = sensor;

	if ( form == COMPACT && flow?$frames && ! flow$turned )
		{
		local bytes = plain_header(flow);

		if ( bytes != "" )
			{
			rec$hdr = encode_base64(bytes);
			Log::write(LOG, rec);
			written();
			return;
			}
		}

	rec$id = c$id;
	rec$proto = flow$proto;
	add_headers(rec, c);
	Log::write(LOG, rec);
	written();
	}

# From now on Zeek takes the originator for the responder; so do its counts.
event connection_flipped(c: connection) &group="serveflow"
	{
	if ( c?$serveflow )
		{
		c$serveflow$orig_pkts = c$serveflow$sent - c$serveflow$orig_pkts;
		c$serveflow$turned = T;
		}
	}
