# VR_BUILD names what core and replication process mean by their messages: plain structs of these headers.
# A process of another build is not adopted but replaced. cmake -DOUT=FILE -DHEADERS=LIST -P build_id.cmake
set(all "")
foreach(header IN LISTS HEADERS)
	file(SHA256 ${header} sum)
	string(APPEND all ${sum})
endforeach()
string(SHA256 sum "${all}")
string(SUBSTRING ${sum} 0 16 id)
file(WRITE ${OUT} "#define VR_BUILD \"vrouterd-build-${id}\"\n")
