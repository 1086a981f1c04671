##! How many of a flow's packets get a record.

module ServeFlow;

export {
	## How many of a flow's packets get a record, both directions together.
	## Zeek reads its thresholds once, at the start, so a depth beyond 10
	## must be set before this script is read:
	##
	##     redef ConnThreshold::generic_packet_thresholds += { 11, 12, 13 };
	##     redef ServeFlow::depth = 13;
	const depth = 10 &redef;
}

redef ConnThreshold::generic_packet_thresholds += {
	1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	9,
	10
};

event zeek_init()
	{
	local n = 1;
	while ( n <= depth )
		{
		if ( n !in ConnThreshold::generic_packet_thresholds )
			{
			Reporter::error(fmt("ServeFlow::depth is %d, but no event is raised for a flow's packet %d: add { %d, ..., %d } to ConnThreshold::generic_packet_thresholds",
			    depth, n, n, depth));
			return;
			}
		++n;
		}
	}
