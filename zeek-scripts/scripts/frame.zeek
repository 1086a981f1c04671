##! Where a packet's headers lie in the frame it came in. Everything here works
##! on bytes: Zeek's parsed headers lack options, checksums and reserved bits,
##! and describe the outermost packet of a tunnel.

module ServeFlow;

export {
	## What the frames of one flow have in common.
	type Frames: record {
		## Where the IP header begins; -1: not known.
		at: int;
		## Source and destination address, as the header holds them, of
		## the packet that told.
		ends: string &default="";
		## Length of an address.
		width: int &default=4;
	};
}

# Ethernet types that VLAN tags have.
const vlan_tags = set("\x81\x00", "\x88\xa8", "\x91\x00");

# Where the IP header begins in an Ethernet frame; -1 where this is none.
function behind_ethernet(frame: string): int
	{
	local at = 12;
	local kind = frame[12:14];

	while ( kind in vlan_tags )
		{
		at += 4;
		kind = frame[at : at + 2];
		}

	return kind == "\x08\x00" || kind == "\x86\xdd" ? at + 2 : -1;
	}

# The bytes of an address, as a header holds them.
function address_bytes(a: addr): string
	{
	local hex = "";

	for ( _, word in addr_to_counts(a) )
		hex += fmt("%08x", word);

	return hexstr_to_bytestring(hex);
	}

# Where the IP header begins, looked for by its addresses: for tunnels, MPLS,
# PPPoE, cooked and raw captures.
function search_header(frame: string, ends: string, six: bool): int
	{
	local lead = six ? 8 : 12;
	local version = six ? "\x60" : "\x40";
	local from = 0;

	while ( from < |frame| )
		{
		local found = find_str(frame, ends, from);

		if ( found < 0 )
			return -1;

		local at = found - lead;

		if ( at >= 0 && bytestring_to_count(frame[at]) / 16 == ( six ? 6 : 4 ) )
			return at;

		from = int_to_count(found + 1);
		}

	return -1;
	}

## Learns from a flow's packet where its frames hold the IP header.
##
## from: the packet's source.
##
## to: its destination.
function find_header(frame: string, from: addr, to: addr): Frames
	{
	local six = is_v6_addr(from);
	local width = six ? +16 : +4;
	local lead = six ? +8 : +12;
	local at = behind_ethernet(frame);
	local ends = address_bytes(from) + address_bytes(to);

	if ( at < 0 || frame[at + lead : at + lead + 2 * width] != ends )
		at = search_header(frame, ends, six);

	return Frames($at=at, $ends=ends, $width=width);
	}
