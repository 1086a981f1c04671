##! Where the IP header lies in the frames of a flow. It is found by the Ethernet
##! type, else by looking for the flow's two addresses, which works behind tunnels,
##! MPLS, PPPoE, and on links that are not Ethernet. Zeek's parsed headers are of
##! no use here: they describe the outermost packet of a tunnel.

module ServeFlow;

export {
	## Where a flow's frames hold the IP header.
	type Frames: record {
		## Whether an IP header was found.
		known: bool;
		## Where it begins, and whether it is one of IPv6.
		at: count &default=0;
		six: bool &default=F;
		## Where its source and destination address lie, from and to.
		ends_at: count &default=0;
		ends_to: count &default=0;
		## These as bytes, and as they are in packets the other way.
		there: string &default="";
		back: string &default="";
	};
}

# Ethernet types that VLAN tags have.
const vlan_tags = set("\x81\x00", "\x88\xa8", "\x91\x00");

# Where the IP header begins in an Ethernet frame; 0 where this is none.
function behind_ethernet(frame: string): count
	{
	local at = 12;
	local kind = frame[12:14];

	while ( kind in vlan_tags )
		{
		at += 4;
		kind = frame[at : at + 2];
		}

	return kind == "\x08\x00" || kind == "\x86\xdd" ? at + 2 : 0;
	}

# Whether an IP header at a place of a frame has two addresses.
function has_ends(frame: string, at: count, six: bool, from: addr, to: addr)
    : bool
	{
	if ( six )
		return |frame| >= at + 40
		    && raw_bytes_to_v6_addr(frame[at + 8 : at + 24]) == from
		    && raw_bytes_to_v6_addr(frame[at + 24 : at + 40]) == to;

	return |frame| >= at + 20
	    && raw_bytes_to_v4_addr(frame[at + 12 : at + 16]) == from
	    && raw_bytes_to_v4_addr(frame[at + 16 : at + 20]) == to;
	}

# An address as a header holds it.
function address_bytes(a: addr): string
	{
	local hex = "";

	for ( _, word in addr_to_counts(a) )
		hex += fmt("%08x", word);

	return hexstr_to_bytestring(hex);
	}

# Where an IP header with two addresses begins, anywhere in a frame; 0 is also
# for nowhere.
function search_header(frame: string, six: bool, from: addr, to: addr): count
	{
	local ends = address_bytes(from) + address_bytes(to);
	local lead = six ? 8 : 12;
	local begin = 0;

	while ( begin < |frame| )
		{
		local found = find_str(frame, ends, begin);

		if ( found < 0 )
			break;

		local place = int_to_count(found);

		if ( place >= lead
		    && bytestring_to_count(frame[place - lead]) / 16 == ( six ? 6 : 4 ) )
			return place - lead;

		begin = place + 1;
		}

	return 0;
	}

## Learns from a packet where its flow's frames hold the IP header.
##
## from: the packet's source.
##
## to: its destination.
function find_header(frame: string, from: addr, to: addr): Frames
	{
	local six = is_v6_addr(from);
	local at = behind_ethernet(frame);

	if ( at == 0 || ! has_ends(frame, at, six, from, to) )
		{
		at = search_header(frame, six, from, to);

		if ( at == 0 && ! has_ends(frame, at, six, from, to) )
			return Frames($known=F);
		}

	local ends_at = at + ( six ? 8 : 12 );
	local ends_to = ends_at + ( six ? 32 : 8 );
	local half = ends_at + ( six ? 16 : 4 );

	return Frames($known=T, $at=at, $six=six, $ends_at=ends_at, $ends_to=ends_to,
	    $there=frame[ends_at:ends_to], $back=frame[half:ends_to] + frame[
	    ends_at:half]);
	}
