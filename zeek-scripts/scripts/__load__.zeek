@load ./main
@load ./flush
