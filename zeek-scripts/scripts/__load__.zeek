@load ./main
@load ./packets
@load ./ends
@load ./flush
