# @TEST-DOC: Frames that begin with the IP header.
#
# @TEST-EXEC: zeek -C -r $ODD/raw-ip.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
