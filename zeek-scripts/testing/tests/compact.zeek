# @TEST-DOC: The compact form: the two ends in the first record, or where hdr does not tell them.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap $PACKAGE LogAscii::use_json=T ServeFlow::form=ServeFlow::COMPACT
# @TEST-EXEC: cat serveflow.log >compact.log
# @TEST-EXEC: zeek -C -r $TRACES/turned.pcap $PACKAGE LogAscii::use_json=T ServeFlow::form=ServeFlow::COMPACT
# @TEST-EXEC: cat serveflow.log >>compact.log
# @TEST-EXEC: zeek -C -r $ODD/fragments.pcap $PACKAGE LogAscii::use_json=T ServeFlow::form=ServeFlow::COMPACT
# @TEST-EXEC: cat serveflow.log >>compact.log
# @TEST-EXEC: btest-diff compact.log
