# @TEST-DOC: The records as Zeek's tab-separated values.
#
# @TEST-EXEC: zeek -C -r $TRACES/dns.pcap $PACKAGE LogAscii::include_meta=T Log::default_rotation_interval=0secs
# @TEST-EXEC: grep -v "^#open\\|^#close" serveflow.log >tsv
# @TEST-EXEC: btest-diff tsv
