##! Sends records on soon. Zeek's own pace is a second (Log::flush_interval).

@load base/frameworks/broker
@load base/frameworks/cluster
@load ./main

module ServeFlow;

export {
	## How long a record may wait in Zeek's buffers on a live interface;
	## 0 secs: as long as those of other logs. Zeek's file writer calls
	## fsync at each of these moments, in a thread of its own.
	option flush_interval = 20msec;

	## Sends waiting records on, and again after flush_interval.
	global flush: event();
}

event ServeFlow::flush()
	{
	Log::flush(LOG);

	# On its way to the logger a record also waits in Broker's batches.
	if ( Cluster::is_enabled() )
		Broker::flush_logs();

	if ( flush_interval > 0secs )
		schedule flush_interval { ServeFlow::flush() };
	}

event zeek_init() &priority=-110
	{
	if ( ! reading_traces()
	    && LOG in Log::active_streams
	    && flush_interval > 0secs )
		schedule flush_interval { ServeFlow::flush() };
	}
