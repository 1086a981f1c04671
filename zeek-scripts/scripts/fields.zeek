##! What a packet's headers say, as numbers.

@load ./header

module ServeFlow;

export {
	## Numbers from a packet's headers.
	type Fields: record {
		## IP total length, bytes.
		ip_len: count;
		## Payload length, bytes.
		plen: count;
		## TTL or hop limit.
		ttl: count;
		## TCP flags, and window as it is in the header.
		flags: count &optional;
		win: count &optional;
	};
}

# Where the TCP header begins among header bytes that are whole.
function tcp_at(bytes: string, six: bool): count
	{
	if ( ! six )
		return bytestring_to_count(bytes[0]) % 16 * 4;

	return ipv6_end(bytes, 0)$at;
	}

## Numbers from header bytes that are whole.
##
## wire: length of the frame on the wire from the IP header on, which stands in
##       where segmentation offload left the total length at 0.
function fields_of(bytes: string, six: bool, proto: transport_proto,
    wire: count): Fields
	{
	local ip_len = six ? 40 + bytestring_to_count(bytes[4:6]) :
	    bytestring_to_count(bytes[2:4]);
	local size = ip_len > 0 ? ip_len : wire;
	local fields = Fields($ip_len=ip_len, $plen=size > |bytes| ? size - |bytes
	    | : 0, $ttl=bytestring_to_count(bytes[six ? 7 : 8]));

	if ( proto == tcp )
		{
		local at = tcp_at(bytes, six);
		fields$flags = bytestring_to_count(bytes[at + 13]);
		fields$win = bytestring_to_count(bytes[at + 14 : at + 16]);
		}

	return fields;
	}

## Numbers of a datagram that Zeek put together from fragments: its transport
## header may be in another frame than the one at hand.
function fields_of_datagram(h: raw_pkt_hdr): Fields
	{
	local fields = h?$ip6 ? Fields($ip_len=40 + h$ip6$len, $plen=h$ip6$len,
	    $ttl=h$ip6$hlim) : Fields($ip_len=h$ip$len,
	    $plen=h$ip$len - h$ip$hl, $ttl=h$ip$ttl);

	if ( h?$tcp )
		{
		fields$plen = h$tcp$dl;
		fields$flags = h$tcp$flags;
		fields$win = h$tcp$win;
		}
	else if ( h?$udp )
		fields$plen = h$udp$ulen - 8;
	else if ( h?$icmp )
		fields$plen -= 8;

	return fields;
	}
