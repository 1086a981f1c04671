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

# An address as a header holds it.
function address_bytes(a: addr): string
	{
	local hex = "";

	for ( _, word in addr_to_counts(a) )
		hex += fmt("%08x", word);

	return hexstr_to_bytestring(hex);
	}

function frames_at(at: count, six: bool, there: string, back: string): Frames
	{
	local ends_at = at + ( six ? 8 : 12 );

	return Frames($known=T, $at=at, $six=six, $ends_at=ends_at,
	    $ends_to=ends_at + |there|, $there=there, $back=back);
	}

## Learns from a packet where its flow's frames hold the IP header.
##
## from: the packet's source.
##
## to: its destination.
function find_header(frame: string, from: addr, to: addr): Frames
	{
	local six = is_v6_addr(from);
	local lead = six ? 8 : 12;
	local source = address_bytes(from);
	local target = address_bytes(to);
	local there = source + target;
	local at = behind_ethernet(frame);

	if ( at > 0 && frame[at + lead : at + lead + |there|] == there )
		return frames_at(at, six, there, target + source);

	local begin = 0;

	while ( begin < |frame| )
		{
		local found = find_str(frame, there, begin);

		if ( found < 0 )
			break;

		local place = int_to_count(found);

		if ( place >= lead
		    && bytestring_to_count(frame[place - lead]) / 16 == ( six ? 6 : 4 ) )
			return frames_at(place - lead, six, there, target + source);

		begin = place + 1;
		}

	return Frames($known=F);
	}
