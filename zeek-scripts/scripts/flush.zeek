##! Sends records on soon. Zeek's own pace is a second (Log::flush_interval).

@load base/frameworks/broker
@load base/frameworks/cluster
@load ./main

module ServeFlow;

export {
	## How often records are sent on at the most, on a live interface: one
	## that comes sooner after others waits for its turn. 0 secs: they wait as
	## long as those of other logs. Zeek's file writer calls fsync at each of
	## these moments, in a thread of its own.
	option flush_interval = 20msec;

	## Sends waiting records on, and again after flush_interval.
	##
	## due: when that should be.
	global flush: event(due: time);
}

# Records are waited for: this Zeek listens, and somebody reads the stream.
global awaited = F;

# Some were written since they were last sent on.
global waiting = F;

# When they were last sent on, or should have been: a flush that its timer brings
# late must not hold back the record that comes with it.
global sent_on_at = double_to_time(0.0);

function send_on()
	{
	waiting = F;
	Log::flush(LOG);

	# On its way to the logger a record also waits in Broker's batches.
	if ( Cluster::is_enabled() )
		Broker::flush_logs();
	}

## Sends a record on that was just written, unless others were less than
## flush_interval ago. On a quiet link the timer alone would be late: Zeek's timers
## stand still for packet_source_inactivity_timeout behind the last packet.
function written()
	{
	if ( ! awaited || flush_interval == 0secs )
		return;

	if ( network_time() - sent_on_at < flush_interval )
		{
		waiting = T;
		return;
		}

	sent_on_at = network_time();
	send_on();
	}

function flush_later()
	{
	if ( flush_interval > 0secs )
		schedule flush_interval { ServeFlow::flush(network_time() + flush_interval) };
	}

event ServeFlow::flush(due: time)
	{
	# A logger's records come from workers, past its scripts.
	if ( waiting || Cluster::is_enabled() )
		{
		sent_on_at = due;
		send_on();
		}

	flush_later();
	}

event zeek_init() &priority=-110
	{
	awaited = ! reading_traces() && LOG in Log::active_streams;

	if ( awaited )
		flush_later();
	}
