##! Which flows get records: a whole flow is in, or out.

@load base/frameworks/config
@load base/frameworks/reporter
@load base/frameworks/telemetry

module ServeFlow;

export {
	## Only flows towards these ports, as the responder has them; empty: any.
	option ports: set[port] = {};

	## Only flows with an end in one of these subnets; empty: any.
	option subnets: set[subnet] = {};

	## Only flows of these protocols; empty: any.
	option protocols: set[transport_proto] = {};

	## The share of flows, 0.0 to 1.0, that get records, chosen by a hash of
	## the uid.
	option sample_rate = 1.0;

	## New flows in a second that get records; those beyond it are left out,
	## and counted. 0: no limit.
	option max_flows_per_second = 0;

	## How often flows left out for :zeek:see:`ServeFlow::max_flows_per_second`
	## are told, at most.
	option report_interval = 1min;
}

const left_out = Telemetry::register_counter_family([$prefix="serveflow",
    $name="flows_left_out", $unit="1", $help_text="Flows without records, by why: select (ports, subnets, protocols), sample (sample_rate), rate (max_flows_per_second)",
    $label_names=vector("why")]);
const left_out_by_select = Telemetry::counter_with(left_out, vector("select"));
const left_out_by_sample = Telemetry::counter_with(left_out, vector("sample"));
const left_out_by_rate = Telemetry::counter_with(left_out, vector("rate"));

# The second that is being counted, and its flows so far.
global rate_second = 0.0;
global rate_flows = 0;

# Flows left out since that was last told, and when it was.
global untold = 0;
global told_at = double_to_time(0.0);

function tell_left_out()
	{
	if ( untold > 0 )
		Reporter::warning(fmt("ServeFlow left out %d flows: more than max_flows_per_second = %d",
		    untold, max_flows_per_second));

	untold = 0;
	told_at = network_time();
	}

function within_rate(): bool
	{
	local second = floor(time_to_double(network_time()));

	if ( second != rate_second )
		{
		rate_second = second;
		rate_flows = 0;
		}

	if ( ++rate_flows <= max_flows_per_second )
		return T;

	++untold;
	Telemetry::counter_inc(left_out_by_rate);

	if ( network_time() - told_at >= report_interval )
		tell_left_out();

	return F;
	}

function selected(c: connection): bool
	{
	if ( |ports| > 0 && c$id$resp_p !in ports )
		return F;

	if ( |protocols| > 0 && get_port_transport_proto(c$id$resp_p) !in protocols )
		return F;

	return |subnets| == 0 || c$id$orig_h in subnets || c$id$resp_h in subnets;
	}

## Whether a new flow gets records.
function chosen(c: connection): bool
	{
	if ( ! selected(c) )
		{
		Telemetry::counter_inc(left_out_by_select);
		return F;
		}

	if ( sample_rate < 1.0 && fnv1a32(c$uid) >= sample_rate * 4294967296.0 )
		{
		Telemetry::counter_inc(left_out_by_sample);
		return F;
		}

	return max_flows_per_second == 0 || within_rate();
	}

event zeek_done()
	{
	tell_left_out();
	}
