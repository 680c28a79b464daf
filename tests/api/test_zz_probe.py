import base64, msgpack, pytest, grpc
from typing import Any
from api.shop import *
from api.calls import *
from api.refusals import *
from holdfast.inventory.v1 import inventory_service_pb2 as I, catalog_service_pb2 as C, audit_service_pb2 as A, catalog_pb2 as CT
from google.protobuf import duration_pb2
async def probe(name, call):
    try:
        r=await call; print(name,"OK",str(r)[:80].replace("\n"," "))
    except grpc.aio.AioRpcError as e:
        try: x=read_error(e); print(name,x.code.name,x.reason,x.metadata)
        except AssertionError: print(name,"UNTYPED",e.code(),e.details())
async def test_probe(stubs):
    shop=await open_shop(stubs,units=50)
    for _ in range(3): await shop.reserve((shop.sku,1))
    for svc,rpc,req in (("inventory","ListReservations",I.ListReservationsRequest(channel=shop.channel,page_size=1)),("audit","ListMovements",A.ListMovementsRequest(sku=shop.sku,page_size=1)),("catalog","ListItems",C.ListItemsRequest(page_size=1))):
        m=getattr(getattr(stubs,svc),rpc)
        tok=(await m(req)).next_page_token
        key=msgpack.unpackb(base64.urlsafe_b64decode(tok),raw=False); print(rpc,key)
        d=key[0]
        for alt in ([2**63,2**63],[2**63],[-1,-1],["a\0b"],["\ud800".encode('utf-8','surrogatepass').decode('latin1')],["x"*400],[True,True],[1.5],[[]]):
            k=alt if len(alt)==len(key[1]) else (alt*len(key[1]))[:len(key[1])]
            k=[a if isinstance(a,type(o)) or True else o for a,o in zip(k,key[1])]
            req2=type(req)(); req2.CopyFrom(req); req2.page_token=base64.urlsafe_b64encode(msgpack.packb((d,k))).decode()
            await probe(f"{rpc} {alt}",m(req2))
    r=shop.one_unit(); r.ttl.seconds=10**15
    await probe("ttl huge",stubs.inventory.CreateReservation(r))
    r=shop.one_unit(); r.ttl.seconds=1; r.ttl.nanos=-999999999
    await probe("ttl mixed",stubs.inventory.CreateReservation(r))
    r=shop.one_unit(); r.ttl.seconds=2; r.ttl.nanos=-999999999
    await probe("ttl mixed2",stubs.inventory.CreateReservation(r))
    r=shop.one_unit(); r.ttl.seconds=1; r.ttl.nanos=2**31-1
    await probe("ttl nanos too many",stubs.inventory.CreateReservation(r))
    for md in ((("holdfast-caller","a"*129),),(("holdfast-caller","a\x7fb"),),(("traceparent","junk"),),(("holdfast-max-details-bytes","999999999"),)):
        try: await probe(f"md {str(md)[:50]}",stubs.inventory.CreateReservation(shop.one_unit(),metadata=md))
        except Exception as e: print("client",e)
    await probe("display surrogate",stubs.catalog.PutItems(C.PutItemsRequest(request_id=uuid7(),items=[CT.Item(sku=some("x"),display_name="😀"*256)])))
    await probe("display 4byte nul",stubs.catalog.PutItems(C.PutItemsRequest(request_id=uuid7(),items=[CT.Item(sku=some("x"),display_name="a\u200bb\u202e")])))
    # unknown fields in a request (from a newer client)
    class X: pass
    raw=shop.one_unit().SerializeToString()+b"\xfa\x3f\x03abc"
    q=I.CreateReservationRequest.FromString(raw); await probe("unknown field",stubs.inventory.CreateReservation(q))
    # oneof with empty channel
    await probe("empty oneof",stubs.inventory.GetAvailability(I.GetAvailabilityRequest(key=I.AvailabilityKey(sku=shop.sku,channel=""))))
    await probe("min_revision neg",stubs.inventory.BatchGetAvailability(I.BatchGetAvailabilityRequest(keys=[I.AvailabilityKey(sku=shop.sku,channel=shop.channel)],min_revision={"segment":"shared","position":-5})))
    await probe("min_revision empty",stubs.inventory.BatchGetAvailability(I.BatchGetAvailabilityRequest(keys=[I.AvailabilityKey(sku=shop.sku,channel=shop.channel)],min_revision={})))
    await probe("min_revision odd seg",stubs.inventory.BatchGetAvailability(I.BatchGetAvailabilityRequest(keys=[I.AvailabilityKey(sku=shop.sku,channel=shop.channel)],min_revision={"segment":"a\0b","position":1})))
    r=shop.one_unit(); r.allow_split=True
    await probe("resume prose",stubs.audit.ResumeSegment(A.ResumeSegmentRequest(segment="shared",mode=9,reason="x")))
    await probe("list state 77",stubs.inventory.ListReservations(I.ListReservationsRequest(state=77)))
    lines=[(shop.sku,10**12)]*1000
    await probe("sum beyond 2^53?",stubs.inventory.CreateReservation(shop.demand(*lines)))
    req=I.ReceiveStockRequest(request_id=uuid7(),lines=[I.ReceiptLine(sku=shop.sku,location=shop.location,quantity=10**12)]*1000)
    await probe("receive sum",stubs.inventory.ReceiveStock(req))
    req=I.AdjustStockRequest(request_id=uuid7(),reason="x",lines=[I.AdjustmentLine(sku=shop.sku,location=shop.location,delta_quantity=10**12),I.AdjustmentLine(sku=shop.sku,location=shop.location,delta_quantity=-10**12)])
    await probe("adjust zero sum",stubs.inventory.AdjustStock(req)); print([m.sellable_delta for m in await shop.movements()])
    req=I.AdjustStockRequest(request_id=uuid7(),reason="x",lines=[I.AdjustmentLine(sku=shop.sku,location=shop.location,delta_quantity=10**12)])
    await probe("adjust overflow",stubs.inventory.AdjustStock(req))
    await assert_ledger_is_sound(stubs, uncovered=None)
