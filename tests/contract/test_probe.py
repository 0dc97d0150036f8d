import time, json
from tests.contract.server import *
from tests.world import World, ok

async def test_probe(world, service):
    w=world
    m=await w.mission(days=10)
    A={"Authorization": f"Bearer {w.consultant.key}"}
    AD={"Authorization": f"Bearer {w.admin.key}"}
    OP={"Authorization": f"Bearer {w.operator.key}"}
    J={"Content-Type":"application/json"}
    T=f"/v1/territories/{w.territory}"
    def show(label,a):
        print(label, a.status, a.headers.get("content-type"), a.headers.get("x-request-id"), a.body[:300], "CLOSED" if a.closed else "")
    def raw(label,data):
        try: show(label, service.send(data))
        except Exception as e: print(label, "EXC", repr(e))
    def req(label,*a,**k):
        try: show(label, service.request(*a,**k))
        except Exception as e: print(label,"EXC",repr(e))
    req("me","GET","/v1/me",A)
    for lit in [b"1e400",b"NaN",b"Infinity",b"-0",b"1.0",b"true",b'"1"',b"9223372036854775808",b"1"*700,b"0.1"]:
        req(f"days {lit[:20]}","POST",T+"/time-entries",{**A,**J},json.dumps(m.entry()).encode().replace(b"0.5",lit))
        req(f"overlap {lit[:20]}","POST","/v1/api-keys/019a9f5e-0000-7000-8000-000000000000/rotate",{**AD,**J},b'{"overlap_hours":'+lit+b'}')
    for p in ["/v1/waves/9223372036854775808",T+"/perimeter/99999999999999999999",T+"/perimeter/1_0",T+"/perimeter/+1",T+"/perimeter/%201",T+"/perimeter/2023%0A","/v1/%ff","/v1/\xff","/v1/%00","/v1//me","/v1/me/","/v1/waves?x=%ff","/v1/waves?%ff=1", "/v1/waves?limit=1&limit=2","/v1/waves?limit=-1","/v1/waves?limit=99999999999999999999999","/v1/waves?sort=password","/v1/waves?cursor=abc","/v1/waves?cursor=%F0%9F%98%80","/v1/waves?key=rbd_abc","/v1/waves?cursor="+"a"*3000,"/v1/waves?cursor="+"a"*10000, "/v1/waves?q=%00","/v1/firms?q=%00","/v1/firms?q=a"*50,"/v1/events?after=zzz","/v1/waves?"+"&".join("a=1" for _ in range(300)), "http://evil/v1/me", "*", "//evil.test/v1/me","/v1/waves#frag","/v1/waves?updated_since=infinity","/v1/waves?updated_since=2026-10-25T02:30:00","/v1/waves?updated_since=2026-10-25T02:30:00+02:00"]:
        req(p[:60],"GET",p,AD)
    req("nonascii header","GET","/v1/me",{**A,"X-Request-Id":b"\xff\xfe"})
    req("nonascii auth","GET","/v1/me",{"Authorization":b"Bearer rbd_\xff"})
    req("crlf id","GET","/v1/me",{**A,"X-Request-Id":b"a\r\nX-Evil: 1"})
    req("gzip","POST","/v1/organisations",{**AD,**J,"Content-Encoding":"gzip"},b"\x1f\x8b")
    req("xml","POST","/v1/organisations",{**AD,"Content-Type":"text/xml"},b"<a/>")
    req("noct","POST","/v1/organisations",{**AD},b"{}")
    req("latin","POST","/v1/organisations",{**AD,"Content-Type":"application/json; charset=latin-1"},b"{}")
    req("weird","POST","/v1/organisations",{**AD,"Content-Type":b"application/json; charset*=utf-8''%ff\xff"},b"{}")
    req("empty","POST","/v1/organisations",{**AD,**J},b"")
    req("null","POST","/v1/organisations",{**AD,**J},b"null")
    req("list","POST","/v1/organisations",{**AD,**J},b"[]")
    req("str","POST","/v1/organisations",{**AD,**J},b'"a"')
    req("evil key","POST","/v1/organisations",{**AD,**J},b'{"name":"x","<script>alert(1)":1}')
    req("dupl","POST","/v1/organisations",{**AD,**J},b'{"name":"x","name":"y"}')
    req("deep","POST","/v1/organisations",{**AD,**J},b'{"name":'+b"["*900+b"]"*900+b'}')
    req("deeper","POST","/v1/organisations",{**AD,**J},b'{"name":'+b"["*100000+b"]"*100000+b'}')
    req("big","POST","/v1/organisations",{**AD,**J},b'"'+b"a"*2_000_000+b'"')
    req("bigcl","POST","/v1/organisations",{**AD,**J,"Content-Length":"2000000"},b'{}')
    req("hugecl","POST","/v1/organisations",{**AD,**J,"Content-Length":"9"*30},b'{}')
    req("neg","POST","/v1/organisations",{**AD,**J,"Content-Length":"-1"},b'{}')
    chunk=b"%x\r\n"%65536+b"a"*65536+b"\r\n"
    req("chunked big","POST","/v1/organisations",{**AD,**J,"Transfer-Encoding":"chunked"},chunk*30+b"0\r\n\r\n")
    req("hdr100k","GET","/v1/me",{**A,"X-A":"a"*100_000})
    req("hdr500k","GET","/v1/me",{**A,"X-A":"a"*500_000})
    req("url20k","GET","/v1/me?"+"a"*20_000,A)
    req("url100k","GET","/v1/me?"+"a"*100_000,A)
    req("FOO","FOO","/v1/me",A); req("TRACE","TRACE","/v1/me",A); req("OPTIONS","OPTIONS","/v1/me",A); req("CONNECT","CONNECT","/v1/me",A); req("PRI","PRI","*",A)
    raw("cl+te",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    raw("two cl",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde")
    raw("two cl same",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd")
    raw("te xchunked",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")
    raw("te te",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n")
    raw("barelf",b"GET /v1/me HTTP/1.1\nHost: a\n\n")
    raw("0.9",b"GET /v1/me\r\n\r\n")
    raw("1.0",b"GET /healthz HTTP/1.0\r\n\r\n")
    raw("nohost",b"GET /healthz HTTP/1.1\r\n\r\n")
    raw("twohost",b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    raw("space colon",b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n")
    raw("fold",b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n")
    raw("nul hdr",b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n")
    raw("cr hdr",b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n")
    raw("bad chunk",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+w.admin.key.encode()+b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
    raw("chunk ext",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+w.admin.key.encode()+b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;"+b"a"*100000+b"\r\n{}\r\n0\r\n\r\n")
    raw("http2",b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    raw("tls",b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
    raw("upgrade",b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\nSec-WebSocket-Version: 13\r\n\r\n")
    raw("h2c",b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n")
    raw("expect",b"POST /v1/organisations HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    for lab,data in [("slow header",b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n"),("silent",b""),("slow body",message("POST","/v1/organisations",{**AD,**J,"Content-Length":"100"},b"{"))]:
        with service.connect() as c:
            t=time.time(); c.sendall(data)
            c.settimeout(8)
            got=b""
            try:
                while d:=c.recv(65536): got+=d
                print(lab,"closed",time.time()-t,got[:500])
            except Exception as e: print(lab,repr(e),got[:400])
    print(service.log.read_text()[-3000:])
