import torch, pytest, time, inspect, jaxtyping
from throughtime import Recurrent, LSTM, nn
@pytest.fixture(autouse=True)
def off():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
def test_types():
    with pytest.raises(Exception) as e: Recurrent(LSTM, 3, 2.5)
    print(type(e.value), type(e.value).__mro__, str(e.value)[:300])
def test_compile():
    layer = Recurrent(LSTM, 3, 4, direction="both", layers=2)
    x = torch.randn(5, 2, 3)
    f = torch.compile(layer, fullgraph=True, backend="aot_eager")
    t=time.time()
    y, s = f(x, lengths=torch.tensor([5,3]))
    print(time.time()-t)
    torch.testing.assert_close(y, layer(x, lengths=torch.tensor([5,3]))[0])
    y.sum().backward()
def test_compile_grad():
    layer = Recurrent(LSTM, 3, 4)
    x = torch.randn(5, 2, 3)
    p = dict(layer.named_parameters())
    def loss(p): return torch.func.functional_call(layer, p, (x,))[0].sum()
    g = torch.func.grad(loss)(p)
    h = torch.compile(torch.func.grad(loss), backend="aot_eager")(p)
    for n in g: torch.testing.assert_close(g[n], h[n])
def test_compile_grad_full():
    layer = Recurrent(LSTM, 3, 4)
    x = torch.randn(5, 2, 3)
    p = dict(layer.named_parameters())
    def loss(p): return torch.func.functional_call(layer, p, (x,))[0].sum()
    h = torch.compile(torch.func.grad(loss), backend="aot_eager", fullgraph=True)(p)
def test_opcheck():
    from throughtime.engines import operator
    layer = Recurrent(LSTM, 3, 4).cells[0][0]
    x = torch.randn(5, 2, 3)
    torch.library.opcheck(torch.ops.throughtime.forward.default, (layer.program.json, None, x, [torch.zeros(2,4)]*2, [], [w.detach().requires_grad_() for w in layer._weights()], layer._bias(x).detach().requires_grad_(), [], [], None, None, False))
