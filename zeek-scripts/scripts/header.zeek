##! A packet's IP and transport header as bytes, without payload. Bytes and not
##! Zeek's parsed headers, since these lack options, checksums and reserved bits.

@load ./frame

module ServeFlow;

export {
	## A packet's headers, as far as they are known.
	type Header: record {
		## The IP header and the TCP, UDP or ICMP header with options.
		bytes: string;
		## Why bytes are missing or short: frag, tunnel, l2 or snap; unset
		## where they are whole.
		why: string &optional;
	};
}

# Where an IP header ends, and what it says of fragments.
type IPEnd: record {
	at: count;
	# The datagram came in fragments; this frame holds one of them.
	fragment: bool;
	# The transport header is behind it.
	first: bool;
};

# The longest header that is written, bytes.
const max_header = 255;

# Flags and offset of IPv4 datagrams that are no fragments.
const unfragmented = set("\x00\x00", "\x40\x00", "\x80\x00", "\xc0\x00");

# IPv6 extension headers by their number: hop-by-hop, routing, fragment,
# authentication, destination.
const extensions = set("\x00", "\x2b", "\x2c", "\x33", "\x3c");
const fragment_extension = "\x2c";
const authentication_extension = "\x33";

function ipv4_end(frame: string, at: count): IPEnd
	{
	local offset = bytestring_to_count(frame[at + 6 : at + 8]) & 0x3fff;

	return IPEnd($at=at + bytestring_to_count(frame[at]) % 16 * 4,
	    $fragment=offset > 0, $first=offset & 0x1fff == 0);
	}

function ipv6_end(frame: string, at: count): IPEnd
	{
	local kind = frame[at + 6];
	local end = IPEnd($at=at + 40, $fragment=F, $first=T);

	while ( kind in extensions && |frame| >= end$at + 8 && end$first )
		{
		local unit = kind == authentication_extension ? 4 : 8;
		local size = 8 + bytestring_to_count(frame[end$at + 1]) * unit;

		if ( kind == fragment_extension )
			{
			local offset = bytestring_to_count(frame[end$at + 2 : end$at + 4]);
			end$fragment = offset & 0xfff9 != 0;
			end$first = offset < 8;
			size = 8;
			}

		kind = frame[end$at];
		end$at += size;
		}

	return end;
	}

# Length of the transport header that begins at a place of a frame.
function transport_len(frame: string, at: count, proto: transport_proto): count
	{
	if ( proto == tcp )
		return at + 12 < |frame| ? bytestring_to_count(frame[at + 12]) / 16 * 4 : 20;

	return proto == udp || proto == icmp ? 8 : 0;
	}

## A packet's headers out of the frame that it came in.
function header_in(packet: pcap_packet, frames: Frames, proto: transport_proto)
    : Header
	{
	local frame = packet$data;
	local at = frames$at;
	local end: count;

	# Nearly all packets: IPv4 without options, no fragment.
	if ( frame[at] == "\x45" && frame[at + 6 : at + 8] in unfragmented )
		end = at + 20 + transport_len(frame, at + 20, proto);
	else
		{
		local ip = frames$six ? ipv6_end(frame, at) : ipv4_end(frame, at);
		end = ip$at + ( ip$first ? transport_len(frame, ip$at, proto) : 0 );

		# A first fragment that was cut is not put together with others:
		# Zeek takes it for what it is.
		if ( ip$fragment && ! ( ip$first && packet$caplen < packet$len ) )
			return Header($bytes=frame[at:end], $why="frag");
		}

	if ( end > |frame| || end - at > max_header )
		return Header($bytes=frame[at : at + max_header], $why="snap");

	return Header($bytes=frame[at:end]);
	}
